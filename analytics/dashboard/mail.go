package dashboard

// Mail is the server by which the monthly letters go out.
type Mail struct {
	// Server is its host and port, as "mail.example.org:587". Empty: no letters.
	Server string
	// From is the address that letters come from.
	From string
	// Username and Password sign in to the server. Default: none.
	Username, Password string
}
