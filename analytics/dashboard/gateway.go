package dashboard

// GatewayStatus is what the gateway knows of a site, for its admins.
type GatewayStatus struct {
	// Notices are what an admin should know now, in plain words, worst first.
	Notices []string
}
