# The control: a cache that keeps every page for everybody, whatever its headers
# say. Behind it visitors must see each other's pages, or the test sees nothing.
vcl 4.1;

backend gateway { .host = "127.0.0.1"; .port = "PORT"; }

sub vcl_recv {
	if (req.method != "GET" && req.method != "HEAD") { return (pass); }
	return (hash);
}

sub vcl_backend_response {
	unset beresp.http.Vary;
	unset beresp.http.Set-Cookie;
	set beresp.ttl = 60s;
	return (deliver);
}

sub vcl_deliver {
	if (obj.hits > 0) { set resp.http.X-Cache = "hit"; }
}
