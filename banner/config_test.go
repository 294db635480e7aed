package banner

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

func TestConfigFaults(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		want   string
	}{
		"place":         {Config{Place: "left"}, `"left" is no place`},
		"language":      {Config{Languages: []string{"en", "xx"}}, `"xx" is not shipped`},
		"words":         {Config{Words: map[string]Words{"xx": {}}}, `"xx" is not shipped`},
		"accept alone":  {Config{Words: map[string]Words{"en": {Accept: "Yes"}}}, "set together"},
		"decline alone": {Config{Words: map[string]Words{"en": {Decline: "No"}}}, "set together"},
		"same":          {Config{Words: map[string]Words{"en": {Accept: "OK", Decline: "ok"}}}, "are both"},
		"hidden no":     {Config{Words: map[string]Words{"en": {Accept: "Yes please", Decline: "."}}}, "both need words"},
		"tiny no":       {Config{Words: map[string]Words{"en": {Accept: "Yes, I would love to help", Decline: "No"}}}, "differ too much"},
		"loud yes":      {Config{Words: map[string]Words{"en": {Accept: "ACCEPT", Decline: "Decline"}}}, "capitals"},
		"symbol":        {Config{Words: map[string]Words{"en": {Accept: "✅ Yes", Decline: "No, do not"}}}, "does not belong there"},
		"invisible":     {Config{Words: map[string]Words{"en": {Accept: "Yes", Decline: "N\u200bo"}}}, "does not belong there"},
		"reversed":      {Config{Words: map[string]Words{"en": {Accept: "Yes", Decline: "\u202eNo"}}}, "does not belong there"},
		"markup":        {Config{Words: map[string]Words{"en": {Accept: "<b>Yes</b>", Decline: "No, do not"}}}, "does not belong there"},
		"long":          {Config{Words: map[string]Words{"en": {Text: strings.Repeat("very ", 90) + "long"}}}, "at most 400"},
		"purposes":      {Config{Words: map[string]Words{"en": {Text: "{purposes} {purposes}"}}}, "more than once"},
		"blank":         {Config{Words: map[string]Words{"en": {Accept: "Yes ", Decline: "No"}}}, "without blanks"},
		"purpose id":    {Config{Purposes: []Purpose{{ID: "a b"}}}, "lower-case word"},
		"purpose name":  {Config{Purposes: []Purpose{{ID: "a", Name: map[string]string{"en": "a\nb"}}}}, "does not belong there"},
		"no colour":     {Config{Theme: Theme{Text: "red"}}, "theme.text: \"red\" is not a colour"},
		"short colour":  {Config{Theme: Theme{Text: "#12345"}}, "is not a colour"},
		"injected":      {Config{Theme: Theme{Background: "#fff}button[value=decline]{display:none"}}, "is not a colour"},
		"injected font": {Config{Theme: Theme{Font: "x;}button+button{opacity:0"}}, "font families"},
		"open quote":    {Config{Theme: Theme{Font: `"Georgia`}}, "font families"},
		"pale text":     {Config{Theme: Theme{Text: "#999999", Background: "#ffffff"}}, "contrast of 2.84 to 1; people with weak sight need 4.5 (WCAG 2.2, 1.4.3)"},
		"pale button":   {Config{Theme: Theme{Button: "#eeeeee", ButtonText: "#000000"}}, "button #eeeeee on background"},
		"pale label":    {Config{Theme: Theme{ButtonText: "#345678"}}, "button_text #345678 on button #1d3f6e"},
		"pale link":     {Config{Theme: Theme{Link: "#88aaff"}}, "link #88aaff on background"},
		"pale dark":     {Config{Dark: Theme{Text: "#333333"}}, "dark: text #333333"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(c.config)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
	_, err := New(Config{Place: "left", Theme: Theme{Text: "red"}, Words: map[string]Words{"en": {Accept: "x"}}})
	if n := strings.Count(err.Error(), "\n"); n < 2 {
		t.Errorf("not all faults at once: %v", err)
	}
}

func TestThemes(t *testing.T) {
	own := Theme{Background: "#fff", Text: "#222", Button: "#7a1f3d", ButtonText: "#fff", Link: "#7a1f3d", Font: `"Gill Sans", Georgia, serif`}
	for name, c := range map[string]struct {
		config        Config
		want, without string
	}{
		"default":   {Config{}, "prefers-color-scheme:dark", "Georgia"},
		"own":       {Config{Theme: own}, "background:#7a1f3d;color:#fff", "prefers-color-scheme"},
		"own, dark": {Config{Theme: own, Dark: Theme{Button: "#fff", ButtonText: "#000"}}, "@media (prefers-color-scheme:dark)", "#cfe1fb"},
		"font only": {Config{Theme: Theme{Font: "inherit"}}, "font-family:inherit", "system-ui"},
	} {
		b := testBanner(t, c.config)
		css := b.askSheet.shadow.text
		if !strings.Contains(css, c.want) || strings.Contains(css, c.without) {
			t.Errorf("%s: %s", name, css)
		}
	}
}

func TestContrast(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{
		{"#000000", "#ffffff", 21}, {"#fff", "#fff", 1}, {"#777777", "#ffffff", 4.48}, {"#0000ff", "#ffffff", 8.59},
	} {
		a, err := parseColour(c.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := parseColour(c.b)
		if err != nil {
			t.Fatal(err)
		}
		if got := contrast(a, b); got < c.want-0.005 || got > c.want+0.005 {
			t.Errorf("%s on %s: %.3f, want %.2f", c.a, c.b, got, c.want)
		}
	}
}

// uneven finds what could tell one button from the other in a style.
var uneven = regexp.MustCompile(`button[^{,]*[\[:+~#.]|\+|~|nth-|first|last|\[(name|value)|::`)

// TestFairness tries to make the choice unequal with every setting there is. A
// configuration is either refused, or both buttons come out alike: same element,
// same attributes, same rules, side by side, each with its words.
func TestFairness(t *testing.T) {
	nasty := []string{
		"", "#fff", "#000", "#f4f1ea", "#777", "transparent", "inherit", "#ffffff00", "var(--x)", "#fff;}button:last-child{display:none}",
		"Yes", "No", "yes", "YES!", " ", "<b>", "👍", "Accept all and get a free gift now please", "\u200b", "Later", "0", "system-ui", "Wingdings", "a{b}",
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func() string { return nasty[rnd.IntN(len(nasty))] }
	accepted := 0
	for range 3000 {
		theme := func() Theme {
			return Theme{Background: pick(), Text: pick(), Link: pick(), Button: pick(), ButtonText: pick(), Font: pick()}
		}
		c := Config{Languages: []string{"en"}, SiteName: pick(), Place: [...]string{"", "top", "bottom"}[rnd.IntN(3)]}
		if rnd.IntN(2) == 0 {
			c.Theme = theme()
		}
		if rnd.IntN(4) == 0 {
			c.Dark = theme()
		}
		if rnd.IntN(2) == 0 {
			c.Words = map[string]Words{"en": {Question: pick(), Text: pick(), Accept: pick(), Decline: pick()}}
		}
		b, err := New(c)
		if err != nil {
			continue
		}
		accepted++
		nodes := parse(t, b.AppendStart(nil, &Page{Lang: []byte("en")}))
		equalButtons(t, nodes)
		buttons := find(nodes, "button")
		if text(buttons[0]) == text(buttons[1]) {
			t.Errorf("both say %q: %+v", text(buttons[0]), c)
		}
		for _, s := range find(nodes, "style") {
			for rule := range strings.SplitSeq(text(s), "}") {
				selector, _, _ := strings.Cut(rule, "{")
				if uneven.MatchString(selector) {
					t.Errorf("a rule for one button: %s", rule)
				}
			}
		}
		if t.Failed() {
			t.Fatalf("%+v", c)
		}
	}
	if accepted < 100 {
		t.Errorf("only %d configurations were accepted; the test tries nothing", accepted)
	}
	t.Logf("%d configurations accepted", accepted)
}
