# syntax=docker/dockerfile:1

# The `migrate` command with the migrations of this repository.
FROM swift:6.3-bookworm AS builder
WORKDIR /source
COPY scripts/install-dependencies scripts/install-dependencies
RUN scripts/install-dependencies --build-only && rm -rf /var/lib/apt/lists/*
COPY Package.swift ./
COPY Plugins Plugins
COPY Sources Sources
COPY Tests Tests
RUN swift build -c release --static-swift-stdlib --product migrate \
    && install -D "$(swift build -c release --static-swift-stdlib --show-bin-path)/migrate" /out/migrate \
    && strip /out/migrate

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libpq5 libpg-query1504.0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin migrate
COPY --from=builder /out/migrate /usr/local/bin/migrate
COPY migrations /migrations
USER 10001
WORKDIR /
ENTRYPOINT ["migrate"]
CMD ["up"]
