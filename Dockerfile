# syntax=docker/dockerfile:1
# The server in a small image: built here, run by a user without rights, data in /data.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --package cxroute-server \
    && cp target/release/cxroute-server /usr/local/bin/

FROM debian:bookworm-slim
# The authorities that certificates of databases and planes are judged by.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /data --create-home cxroute
COPY --from=build /usr/local/bin/cxroute-server /usr/local/bin/
USER cxroute
WORKDIR /data
# Database, spool and the master key that embedded use makes: a volume, or nothing acknowledged survives the container.
VOLUME /data
# A container's address is reached through a proxy, or published on the host's loopback as deploy/embedded.yml does.
ENV CXROUTE_LISTEN=0.0.0.0:8080 \
    CXROUTE_BEHIND_PROXY=true \
    CXROUTE_STORE=sqlite:/data/cxroute.db \
    CXROUTE_SPOOL=/data/spool
EXPOSE 8080
# Whether it lives: /readyz says no while the store is away, and then it must not be ended but goes on to answer calls.
# The image has no HTTP client; bash speaks TCP.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["cxroute-server"]
CMD ["serve"]
