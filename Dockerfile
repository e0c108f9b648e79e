# An image that contains only bt. docs/service.md describes how to run it.

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags='-s -w' -o /out/bt ./cmd/bt
RUN mkdir -p -m 0700 /volumes/state /volumes/cache

FROM scratch
# For trackers over https and wss.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/bt /
# New volumes begin as copies of these, with their owner.
COPY --from=build --chown=65532:65532 /volumes/ /
USER 65532:65532
ENV XDG_STATE_HOME=/state XDG_CACHE_HOME=/cache
VOLUME ["/state", "/cache"]
WORKDIR /data
EXPOSE 6881/tcp
ENTRYPOINT ["/bt"]
CMD ["seed", "/data", "--port", "6881", "--json"]
