package main

import (
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lychgate/lychgate/proxy"
)

// metrics are the figures of one gateway for Prometheus. None has a label for a
// site, a page, a host or what a visitor decided: whoever may read them learns
// how the program is, not who visits.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec   // by route and status code
	waits    *prometheus.HistogramVec // by route
}

// waitBuckets are seconds until the head of an answer.
var waitBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lychgate_requests_total",
			Help: "Requests, by the pattern that answered and the status; code is none where the answer broke off.",
		}, []string{"route", "code"}),
		waits: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "lychgate_request_seconds",
			Help:    "Time until the head of the answer was written.",
			Buckets: waitBuckets,
		}, []string{"route"}),
	}
	m.registry.MustRegister(m.requests, m.waits, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, route := range proxy.Routes() {
		m.waits.WithLabelValues(route) // so that a rate is 0 before it is something
	}
	return m
}

// observe is told of every answer.
func (m *metrics) observe(o proxy.Observation) {
	m.requests.WithLabelValues(o.Route, codeLabel(o.Status)).Inc()
	m.waits.WithLabelValues(o.Route).Observe(o.Wait.Seconds())
}

// codeLabel is a status that HTTP knows, and the class of one that only the
// site's server knows: no server behind can fill the memory with labels.
func codeLabel(status int) string {
	switch {
	case status == 0:
		return "none"
	case http.StatusText(status) != "":
		return strconv.Itoa(status)
	}
	return strconv.Itoa(status/100%10) + "xx"
}

// handler answers a scrape.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// readings asks the rooms of a house how they are, at each scrape.
type readings struct{ h *house }

// Describe says nothing in advance: which readings there are depends on the
// configuration.
func (r readings) Describe(chan<- *prometheus.Desc) {}

// Collect takes every reading once.
func (r readings) Collect(to chan<- prometheus.Metric) {
	s := sheet{to}
	s.gauge("lychgate_build_info", "Always 1; the labels say what runs.", 1, "version", versionOf(), "go", runtime.Version())
	r.gateway(s)
	r.ledger(s)
	r.counting(s)
	r.certificates(s)
	s.gauge("lychgate_dashboard_up", "1 while admins can sign in.", truth(r.h.dashboard.Err() == nil))
}

func (r readings) gateway(s sheet) {
	g := r.h.gateway.Health()
	const refused, refusedHelp = "lychgate_refused_total", "Refused because a network took too much, since the start."
	s.counter(refused, refusedHelp, g.Refused.Connections, "kind", "connection")
	s.counter(refused, refusedHelp, g.Refused.Requests, "kind", "request")
	s.counter("lychgate_cut_connections_total", "Connections cut off because they kept the gateway busy with nothing, since the start.", g.Refused.Cut)
	s.gauge("lychgate_upstreams", "Servers behind the sites, fallbacks included.", float64(g.Upstreams))
	s.gauge("lychgate_upstreams_down", "Those that did not answer when last asked.", float64(g.UpstreamsDown))

	const parties, partiesHelp = "lychgate_third_parties", "Hosts of third parties known, by what becomes of them before a yes; pending ones are held for everybody."
	for verdict, n := range map[string]int{
		"held": g.ThirdParties.Held, "relayed": g.ThirdParties.Relayed,
		"passed": g.ThirdParties.Passed, "pending": g.ThirdParties.Pending,
	} {
		s.gauge(parties, partiesHelp, float64(n), "verdict", verdict)
	}
	const files, filesHelp = "lychgate_relay_files", "Files of third parties that the gateway fetches, by state."
	known := g.Relay.Files - g.Relay.Waiting - g.Relay.Failed - g.Relay.Beacons
	for state, n := range map[string]int{
		"ready": max(0, known), "waiting": g.Relay.Waiting, "failed": g.Relay.Failed, "beacon": g.Relay.Beacons,
	} {
		s.gauge(files, filesHelp, float64(n), "state", state)
	}
	s.gauge("lychgate_relay_bytes", "Size of those kept.", float64(g.Relay.Bytes))
}

func (r readings) ledger(s sheet) {
	l := r.h.ledger.Health()
	s.gauge("lychgate_ledger_up", "1 while decisions can be recorded.", truth(l.Err == nil))
	s.gauge("lychgate_ledger_waiting", "Decisions on their way to the disk.", float64(l.Waiting))
	s.counter("lychgate_ledger_commits_total", "How often decisions reached the disk, several at a time under load.", l.Commits)
	s.gauge("lychgate_ledger_bytes", "Size of the ledger's file.", float64(l.Bytes))
	s.moment("lychgate_ledger_last_commit_timestamp_seconds", "When decisions last reached the disk since the start.", l.LastCommit)
}

func (r readings) counting(s sheet) {
	c := r.h.analytics.Health()
	s.gauge("lychgate_counting_up", "1 while the store takes sums.", truth(c.StoreOpen && c.Err == ""))
	s.gauge("lychgate_spool_up", "1 while counts reach the disk each second.", truth(c.SpoolErr == ""))
	s.gauge("lychgate_spool_batches", "Batches waiting for the store.", float64(c.Backlog))
	s.gauge("lychgate_spool_bytes", "Their size.", float64(c.BacklogBytes))
	s.gauge("lychgate_spool_set_aside", "Batches of unknown fate that wait for somebody to decide.", float64(c.SetAside))
	s.counter("lychgate_batches_sent_total", "Batches that reached the store.", c.Sent)
	s.counter("lychgate_batch_failures_total", "Tries to give it one that failed.", c.Failures)
	kept := r.h.analytics.Kept()
	s.gauge("lychgate_retention_up", "1 while what is past its time can be deleted.", truth(kept.Err == ""))
	s.gauge("lychgate_retention_late_rows", "Rows past their time that the last pass found.", float64(kept.Late))
	s.gauge("lychgate_other_housekeepers", "Gateways that keep house beside this one, which exactly one should do.", float64(len(kept.Others)))
	s.moment("lychgate_retention_last_pass_timestamp_seconds", "When it last ran to its end, on the gateway that keeps house.", kept.LastPass)
	s.gauge("lychgate_places_up", "1 while countries can be told.", truth(c.PlaceErr == ""))
	s.moment("lychgate_places_built_timestamp_seconds", "The date of what tells countries by networks.", c.Places.Built)
	s.moment("lychgate_counting_last_write_timestamp_seconds", "When a batch last reached the store since the start.", c.LastWrite)
}

func (r readings) certificates(s sheet) {
	ends := r.h.certificateEnds()
	missing, _ := r.h.certificatesWanting(time.Now())
	s.gauge("lychgate_certificates", "Certificates that are wanted: one for each name, or the owner's own.", float64(len(ends)))
	s.gauge("lychgate_certificates_missing", "Those that are not there yet.", float64(missing))
	var first time.Time
	if i := slices.IndexFunc(ends, func(t time.Time) bool { return !t.IsZero() }); i >= 0 {
		first = ends[i]
	}
	s.moment("lychgate_certificates_first_expiry_timestamp_seconds", "When the first of them ends.", first)
}

// certificateEnds are the ends of all certificates that are wanted, in their
// order; zero for those that are not there yet.
func (h *house) certificateEnds() (ends []time.Time) {
	if h.certificates != nil {
		for _, c := range h.certificates.Status() {
			ends = append(ends, c.Expires)
		}
	}
	if h.pair != nil {
		ends = append(ends, h.pair.current.Load().Leaf.NotAfter)
	}
	slices.SortFunc(ends, time.Time.Compare)
	return ends
}

// certificatesWanting counts those that are not there yet and those past their end.
func (h *house) certificatesWanting(now time.Time) (missing, ended int) {
	for _, end := range h.certificateEnds() {
		switch {
		case end.IsZero():
			missing++
		case end.Before(now):
			ended++
		}
	}
	return missing, ended
}

// A sheet is what readings are written on.
type sheet struct{ to chan<- prometheus.Metric }

// labels are name and value by turns.
func (s sheet) write(kind prometheus.ValueType, name, help string, v float64, labels []string) {
	var names, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	s.to <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, v, values...)
}

func (s sheet) gauge(name, help string, v float64, labels ...string) {
	s.write(prometheus.GaugeValue, name, help, v, labels)
}

func (s sheet) counter(name, help string, n int64, labels ...string) {
	s.write(prometheus.CounterValue, name, help, float64(n), labels)
}

// moment leaves out what has not been yet.
func (s sheet) moment(name, help string, t time.Time) {
	if !t.IsZero() {
		s.gauge(name, help, float64(t.Unix()))
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
