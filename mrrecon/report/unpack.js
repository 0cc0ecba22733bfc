"use strict";

// A volume as `volumes.py` packs it: the numbers, and the intensity that each stands for.
async function unpack({offset, step, data}, shape) {
  const packed = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const q = new Uint8Array(await new Response(stream).arrayBuffer());
  const [nx, ny, nz] = shape;
  for (let x = 0, i = 0; x < nx; x++)
    for (let y = 0; y < ny; y++)
      for (let z = 0; z < nz; z++, i++)
        q[i] += ((x && q[i - ny * nz]) + (y && q[i - nz]) + (z && q[i - 1])) / 3 | 0;
  return {q, value: Float32Array.from({length: 256}, (_, level) => offset + step * level)};
}

