// One slice of one image (0: the first volume, 1: the second, 2: their difference) as the pixels of a canvas.
function paint(canvas, {scan, at, view, plane, image, flip}) {
  const {shape, original, difference} = scan, {across, up, through} = plane, {colours} = view;
  const strides = [shape[1] * shape[2], shape[2], 1], zero = (colours.length - 1) / 2;
  const width = shape[across], height = shape[up];
  canvas.width = width;
  canvas.height = height;
  const picture = new ImageData(width, height), pixels = picture.data;
  const grey = 255 / (view.high - view.low), hue = zero / view.limit;
  for (let row = 0, p = 0; row < height; row++) {
    const start = at[through] * strides[through] + (height - 1 - row) * strides[up];
    for (let column = 0; column < width; column++, p += 4) {
      const i = start + (flip ? width - 1 - column : column) * strides[across];
      const error = difference.value[difference.q[i]];
      if (image === 2) {
        const colour = colours[zero + Math.min(zero, Math.max(-zero, Math.round(error * hue)))];
        pixels[p] = colour[0]; pixels[p + 1] = colour[1]; pixels[p + 2] = colour[2];
      } else {
        const value = original.value[original.q[i]] + (image ? error : 0);
        pixels[p] = pixels[p + 1] = pixels[p + 2] = (value - view.low) * grey;
      }
      pixels[p + 3] = 255;
    }
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

