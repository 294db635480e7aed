package main

import (
	"time"

	"github.com/lychgate/lychgate/proxy"
)

// A limitsConfig is the [limits] table; proxy.Limits explains its keys.
type limitsConfig struct {
	HeaderTimeout    period `toml:"header_timeout"`
	IdleTimeout      period `toml:"idle_timeout"`
	BodyGrace        period `toml:"body_grace"`
	AnswerGrace      period `toml:"answer_grace"`
	MinRate          int    `toml:"min_rate"`
	HeaderBytes      int    `toml:"header_bytes"`
	HeaderCount      int    `toml:"header_count"`
	Streams          int    `toml:"streams"`
	Connections      int    `toml:"connections"`
	Requests         int    `toml:"requests"`
	Posts            int    `toml:"posts"`
	UpstreamRequests int    `toml:"upstream_requests"`
	UpstreamTimeout  period `toml:"upstream_timeout"`
}

// proxy is what the gateway is told.
func (l *limitsConfig) proxy() proxy.Limits {
	return proxy.Limits{
		HeaderTimeout: l.HeaderTimeout.Duration, IdleTimeout: l.IdleTimeout.Duration,
		BodyGrace: l.BodyGrace.Duration, AnswerGrace: l.AnswerGrace.Duration, MinRate: l.MinRate,
		HeaderBytes: l.HeaderBytes, HeaderCount: l.HeaderCount, Streams: l.Streams,
		Connections: l.Connections, Requests: l.Requests, Posts: l.Posts,
		UpstreamRequests: l.UpstreamRequests, UpstreamTimeout: l.UpstreamTimeout.Duration,
	}
}

// fill puts in the gateway's own defaults.
func (l *limitsConfig) fill() {
	d := proxy.DefaultLimits()
	l.HeaderTimeout.orElse(d.HeaderTimeout)
	l.IdleTimeout.orElse(d.IdleTimeout)
	l.BodyGrace.orElse(d.BodyGrace)
	l.AnswerGrace.orElse(d.AnswerGrace)
	l.UpstreamTimeout.orElse(d.UpstreamTimeout)
	for _, n := range l.numbers() {
		if *n.value == 0 {
			*n.value = n.fill(&d)
		}
	}
}

// A limitNumber is a key of [limits] that is a whole number.
type limitNumber struct {
	key         string
	value       *int
	fill        func(*proxy.Limits) int
	least, most int
}

func (l *limitsConfig) numbers() []limitNumber {
	return []limitNumber{
		{"min_rate", &l.MinRate, func(d *proxy.Limits) int { return d.MinRate }, 1, 1 << 30},
		{"header_bytes", &l.HeaderBytes, func(d *proxy.Limits) int { return d.HeaderBytes }, 4 << 10, 1 << 20},
		{"header_count", &l.HeaderCount, func(d *proxy.Limits) int { return d.HeaderCount }, 30, 10_000},
		{"streams", &l.Streams, func(d *proxy.Limits) int { return d.Streams }, 8, 1000},
		{"connections", &l.Connections, func(d *proxy.Limits) int { return d.Connections }, 8, 1 << 20},
		{"requests", &l.Requests, func(d *proxy.Limits) int { return d.Requests }, 10, 1 << 20},
		{"posts", &l.Posts, func(d *proxy.Limits) int { return d.Posts }, 1, 1 << 20},
		{"upstream_requests", &l.UpstreamRequests, func(d *proxy.Limits) int { return d.UpstreamRequests }, 1, 1 << 20},
	}
}

// checkZeros adds the whole numbers that were given as 0, which would go as not
// given at all: who writes 0 means none, or no limit.
func (c *config) checkZeros(p *problems) {
	for _, n := range c.Limits.numbers() {
		if *n.value == 0 && p.given("limits."+n.key) {
			p.add("limits."+n.key, "0: from %d to %d", n.least, n.most)
		}
	}
	if c.Analytics.SmallNumber == 0 && p.given("analytics.small_number") {
		p.add("analytics.small_number", "0 hides nobody: at least 2, better 5 or more")
	}
}

// check adds what would shut out honest visitors or protect nobody.
func (l *limitsConfig) check(p *problems) {
	for _, t := range []struct {
		key   string
		value period
		least time.Duration
	}{
		{"header_timeout", l.HeaderTimeout, time.Second},
		{"idle_timeout", l.IdleTimeout, time.Second},
		{"body_grace", l.BodyGrace, time.Second},
		{"answer_grace", l.AnswerGrace, time.Second},
		{"upstream_timeout", l.UpstreamTimeout, time.Second},
	} {
		switch {
		case t.value.err != nil:
			p.add("limits."+t.key, "%v", t.value.err)
		case t.value.Duration < t.least, t.value.Duration > time.Hour:
			p.add("limits."+t.key, "%s: from 1s to 1h", t.value)
		}
	}
	for _, n := range l.numbers() {
		if *n.value < n.least || *n.value > n.most {
			p.add("limits."+n.key, "%d: from %d to %d", *n.value, n.least, n.most)
		}
	}
}
