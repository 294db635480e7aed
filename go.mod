module github.com/lychgate/lychgate

go 1.27.0

toolchain go1.27.4

// Each dependency has its reason beside it.
require (
	github.com/ClickHouse/clickhouse-go/v2 v2.50.0 // ClickHouse, for those who outgrow one machine
	github.com/andybalholm/brotli v1.2.8 // upstream bodies in br, pages in br
	github.com/caddyserver/certmagic v0.25.6 // certificates by themselves (>= 0.25.6)
	github.com/cespare/xxhash/v2 v2.3.0 // hashes that are fast and need no secret
	github.com/coreos/go-systemd/v22 v22.7.0 // sockets from systemd, and telling it how we are
	github.com/go-webauthn/webauthn v0.18.2 // passkeys of admins
	github.com/gorilla/securecookie v1.1.2 // signed and sealed cookies
	github.com/klauspost/compress v1.20.3 // gzip and zstd, both ways
	github.com/maxmind/mmdbwriter v1.2.0 // the embedded country file, and test files
	github.com/mholt/acmez/v3 v3.1.7 // tells an issuer's refusal from one out of reach
	github.com/miekg/dns v1.1.73 // tests: the name server that the test issuer asks
	github.com/oschwald/geoip2-golang/v2 v2.5.0 // countries and regions of networks
	github.com/oschwald/maxminddb-golang/v2 v2.8.0 // checks a place file before it is used
	github.com/pelletier/go-toml/v2 v2.4.3 // the configuration, strictly
	github.com/pires/go-proxyproto v0.16.0 // addresses from load balancers
	github.com/prometheus/client_golang v1.25.0 // figures for the operator's own monitoring
	github.com/prometheus/common v0.72.0 // tests: reads those figures
	github.com/quic-go/quic-go v0.65.0 // HTTP/3, by option
	github.com/rogpeppe/go-internal v1.16.0 // tests: stories of the command line
	github.com/wneessen/go-mail v0.8.1 // the dashboard's monthly letters
	go.uber.org/zap v1.28.0 // certmagic's logger, switched off
	go.yaml.in/yaml/v3 v3.0.5 // tests: reads compose.yaml
	golang.org/x/crypto v0.58.0 // argon2id for passwords
	golang.org/x/mod v0.42.0 // the ledger's tree and signed heads
	golang.org/x/net v0.62.0 // public suffixes, IDNA; the HTML oracle of tests (>= 0.57)
	golang.org/x/text v0.43.0 // languages, encodings
	modernc.org/sqlite v1.61.1 // the embedded store, without cgo
	rsc.io/qr v0.2.0 // the code that sets up a second factor
)

require (
	github.com/ClickHouse/ch-go v0.74.0 // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/caddyserver/zerossl v0.1.6 // indirect
	github.com/dustin/go-humanize v1.1.0 // indirect
	github.com/fxamacker/cbor/v2 v2.9.4 // indirect
	github.com/go-faster/city v1.0.1 // indirect
	github.com/go-faster/errors v0.7.1 // indirect
	github.com/go-viper/mapstructure/v2 v2.5.0 // indirect
	github.com/go-webauthn/x v0.3.1 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/klauspost/cpuid/v2 v2.4.0 // indirect
	github.com/libdns/libdns v1.1.1 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/ncruces/go-strftime v1.1.0 // indirect
	github.com/paulmach/orb v0.13.0 // indirect
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/pierrec/lz4/v4 v4.1.27 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	github.com/quic-go/qpack v0.6.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	github.com/segmentio/asm v1.2.1 // indirect
	github.com/shopspring/decimal v1.5.0 // indirect
	github.com/tinylib/msgp v1.6.4 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	github.com/zeebo/blake3 v0.2.4 // indirect
	go.opentelemetry.io/otel v1.47.0 // indirect
	go.opentelemetry.io/otel/trace v1.47.0 // indirect
	go.uber.org/multierr v1.11.0 // indirect
	go.uber.org/zap/exp v0.3.0 // indirect
	go4.org/netipx v0.0.0-20231129151722-fdeea329fbba // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/tools v0.52.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
	modernc.org/libc v1.79.0 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
)
