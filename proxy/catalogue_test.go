package proxy

import (
	"strings"
	"testing"
)

func testServices(t testing.TB) []*service {
	t.Helper()
	services, err := parseCatalogue(servicesFile)
	if err != nil {
		t.Fatal(err)
	}
	return services
}

func TestCatalogueIsRightRowByRow(t *testing.T) {
	services := testServices(t)
	if len(services) < 150 {
		t.Errorf("only %d services", len(services))
	}
	for _, s := range services {
		if strings.ContainsAny(s.Text, "<>&;()") || len(s.Text) > 160 {
			t.Errorf("%s: the sentence is not plain: %q", s.ID, s.Text)
		}
		// A long sentence or long words are hard to read at the age of ten.
		words := strings.Fields(s.Text)
		if len(words) > 20 {
			t.Errorf("%s: a sentence of %d words", s.ID, len(words))
		}
	}
}

func TestCatalogueRefusesWrongRows(t *testing.T) {
	const good = `[[service]]
id = "a"
name = "A"
kind = "video"
purpose = "media"
hosts = ["a.example.com"]
text = "A shows many videos."
privacy = "https://a.example.com/privacy"
`
	if _, err := parseCatalogue([]byte(good)); err != nil {
		t.Fatalf("the row that is right: %v", err)
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"an unknown key", "name =", "nmae =", "nmae"},
		{"an unknown kind", `"video"`, `"vidoe"`, `kind "vidoe"`},
		{"an unknown purpose", `"media"`, `"fun"`, `purpose "fun"`},
		{"no host", `["a.example.com"]`, `[]`, "no host"},
		{"a public suffix", `"a.example.com"`, `"co.uk"`, "public suffix"},
		{"capitals in a host", `"a.example.com"`, `"A.example.com"`, "lower-case"},
		{"the same host twice", `"a.example.com"`, `"a.example.com", "a.example.com"`, "belongs to"},
		{"a host with a query", `"a.example.com"`, `"a.example.com/x?y"`, "path"},
		{"no sentence", `"A shows many videos."`, `""`, "sentence"},
		{"no link", `"https://a.example.com/privacy"`, `"a.example.com"`, "https link"},
		{"a literal without a full stop", "id =", "inline = [\"tracker\"]\nid =", "full stop"},
		{"a cookie without a life", "id =", "cookies = [{name = \"x\", text = \"y\"}]\nid =", "how long"},
		{"a payment service with a purpose", `"video"`, `"payment"`, "no purpose"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseCatalogue([]byte(strings.Replace(good, tt.old, tt.new, 1)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	if _, err := parseCatalogue([]byte(good + good)); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("the same id twice: %v", err)
	}
}
