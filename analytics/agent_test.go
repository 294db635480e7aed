package analytics

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// realAgents are headers of browsers in use, with what they are reduced to.
var realAgents = map[string]agent{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":                                                  {"Chrome", "Windows", "computer"},
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":                                    {"Edge", "Windows", "computer"},
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 OPR/122.0.0.0":                                    {"Opera", "Windows", "computer"},
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15":                                            {"Safari", "macOS", "computer"},
	"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                                           {"Firefox", "Linux", "computer"},
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1":                          {"Safari", "iOS", "phone"},
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0.0.0 Mobile/15E148 Safari/604.1":                       {"Chrome", "iOS", "phone"},
	"Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/140.0 Mobile/15E148 Safari/605.1.15":                                 {"Firefox", "iOS", "tablet"},
	"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":                                                  {"Chrome", "Android", "phone"},
	"Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Safari/537.36":                               {"Samsung Internet", "Android", "tablet"},
	"Mozilla/5.0 (Linux; Android 13; CUBOT_X50) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Mobile Safari/537.36":                                          {"Chrome", "Android", "phone"},
	"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":                                                   {"Chrome", "ChromeOS", "computer"},
	"Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko":                                                                                             {"Internet Explorer", "Windows", "computer"},
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22F76 [FBAN/FBIOS;FBAV/520.0.0.38.101;FBDV/iPhone15,2;]":   {"Facebook app", "iOS", "phone"},
	"Mozilla/5.0 (Linux; Android 12; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/138.3.1 like Chrome/138.0.0.0 Safari/537.36":                                  {"Silk", "Android", "tablet"},
	"Mozilla/5.0 (PlayStation; PlayStation 5/10.00) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15":                                             {"Safari", "Console", "other"},
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Vivaldi/7.5":                                {"Vivaldi", "macOS", "computer"},
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15 Ddg/18.5": {"DuckDuckGo", "iOS", "phone"},
}

func TestAgents(t *testing.T) {
	words := readBots(botsText)
	for ua, want := range realAgents {
		if got := agentOf(ua); got != want {
			t.Errorf("%s:\ngot %+v, want %+v", ua, got, want)
		}
		if namesBot(ua, words) {
			t.Errorf("%s is taken for a program", ua)
		}
	}
	for _, ua := range []string{
		"", "-", "Googlebot/2.1 (+http://www.google.com/bot.html)", "curl/8.5.0", "python-requests/2.32", "WhatsApp/2.23.20.0",
		"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
		"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/W.X.Y.Z Mobile Safari/537.36 (compatible; Google-InspectionTool/1.0)",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) browser/2020.2.1 Chrome/78.0.3904.130 Electron/7.3.2 Safari/537.36 PingdomTMS/2020.2",
	} {
		if !namesBot(ua, words) {
			t.Errorf("%q is not known as a program", ua)
		}
	}
}

func TestBotsByTheirHeaders(t *testing.T) {
	a := &Analytics{bots: readBots(botsText)}
	for _, tt := range []struct {
		name, header, value string
		want                bool
	}{
		{"a browser", "", "", false},
		{"no language", "Accept-Language", "", true},
		{"no coding", "Accept-Encoding", "", true},
		{"from nowhere with a referrer", "Referer", "https://spam.example/", true},
	} {
		r := httptest.NewRequest("GET", "https://charity.example/", nil)
		for k, v := range map[string]string{"User-Agent": testAgent, "Accept-Language": "cy", "Accept-Encoding": "br", "Sec-Fetch-Site": "none"} {
			r.Header.Set(k, v)
		}
		r.Header.Set(tt.header, tt.value)
		if got := a.IsBot(r); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// FuzzAgent: whatever a header holds, there are only so many answers.
func FuzzAgent(f *testing.F) {
	for ua := range realAgents {
		f.Add(ua)
	}
	f.Add(strings.Repeat("(", 10000))
	f.Fuzz(func(t *testing.T, ua string) {
		a := agentOf(ua)
		if len(a.Browser) > 20 || len(a.OS) > 20 || len(a.Device) > 10 || a.Browser == "" || a.OS == "" || a.Device == "" {
			t.Errorf("got %+v", a)
		}
	})
}

// BenchmarkIsBot is run for every page request.
func BenchmarkIsBot(b *testing.B) {
	words := readBots(botsText)
	for b.Loop() {
		namesBot(testAgent, words)
	}
}
