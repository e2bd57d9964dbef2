# lite-ensam on a CPU, for a user without rights:
#   docker build -t lite-ensam .
#   docker run --rm -v "$PWD:/data" --user "$(id -u):$(id -g)" lite-ensam segment ct.nii.gz --marks marks.json -o mask.nii.gz
# The challenge's entry is flare/Dockerfile.

FROM rust:1-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-pip python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN python3 -m venv /tools && /tools/bin/pip install --no-cache-dir 'maturin>=1.9,<2' \
    && /tools/bin/maturin build --release --locked --out /wheels

FROM python:3.13-slim-bookworm
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir "$(ls /wheels/*.whl)[dicom,evaluate,cohort]" && rm -r /wheels \
    && useradd --create-home user
# Compiled graphs and fonts are cached here, whoever runs it.
ENV XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/matplotlib
USER user
WORKDIR /data
ENTRYPOINT ["lite-ensam"]
CMD ["--help"]
