#!/usr/bin/env bash
# Command one: compress and rebuild a brain. Makes .venv beside this folder on its first run.
#
#   bash scripts/demo.sh                                    the template that comes with nilearn
#   bash scripts/demo.sh --dataset_dir /scans --output_dir out   your own scans; any entry of the config can be named so
set -euo pipefail

started_in="$PWD"
source "$(dirname -- "${BASH_SOURCE[0]}")/environment.sh"
prepare_environment

# Paths on the command line mean what they mean where the command was typed.
config="$PWD/bundles/vqvae3d/configs/inference.json"
python="$PWD/.venv/bin/python"
cd -- "$started_in"
# MONAI warns of every config that it is code. This one comes with the sources.
exec "$python" -W "ignore:parsing config_file:UserWarning" -m monai.bundle run --config_file "$config" "$@"
