# A shared cache as sites set it up, and harder on what stands behind it than
# Varnish's own default: requests with cookies are looked up like all others, so
# that nothing but the answers' own headers keeps visitors apart.
vcl 4.1;

backend gateway { .host = "127.0.0.1"; .port = "PORT"; }

sub vcl_recv {
	if (req.method != "GET" && req.method != "HEAD") { return (pass); }
	return (hash);
}

sub vcl_deliver {
	if (obj.hits > 0) { set resp.http.X-Cache = "hit"; }
}
