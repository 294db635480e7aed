package analytics

import "strings"

// An agent is what a User-Agent header is reduced to: families without versions,
// of which there are a few dozen in the world.
type agent struct {
	Browser string // "Firefox"
	OS      string // "Windows"
	Device  string // phone, tablet, computer, other
}

// A family is a name and the word in the header that gives it away.
type family struct{ word, name string }

// The order matters: nearly every browser also claims to be others.
var browserFamilies = [...]family{
	{"Edg", "Edge"},
	{"OPR/", "Opera"},
	{"OPiOS", "Opera"},
	{"OPT/", "Opera"},
	{"Opera", "Opera"},
	{"SamsungBrowser", "Samsung Internet"},
	{"YaBrowser", "Yandex"},
	{"Vivaldi", "Vivaldi"},
	{"UCBrowser", "UC Browser"},
	{"MiuiBrowser", "Mi Browser"},
	{"HuaweiBrowser", "Huawei Browser"},
	{"DuckDuckGo", "DuckDuckGo"},
	{"Ddg/", "DuckDuckGo"},
	{"Silk/", "Silk"},
	{"Whale/", "Whale"},
	{"Brave", "Brave"},
	{"FBAN", "Facebook app"},
	{"FBAV", "Facebook app"},
	{"Instagram", "Instagram app"},
	{"LinkedInApp", "LinkedIn app"},
	{"GSA/", "Google app"},
	{"FxiOS", "Firefox"},
	{"Focus/", "Firefox"},
	{"SeaMonkey", "SeaMonkey"},
	{"PaleMoon", "Pale Moon"},
	{"Firefox", "Firefox"},
	{"CriOS", "Chrome"},
	{"Chromium", "Chromium"},
	{"Chrome/", "Chrome"},
	{"MSIE", "Internet Explorer"},
	{"Trident/", "Internet Explorer"},
	{"Konqueror", "Konqueror"},
	{"Epiphany", "GNOME Web"},
	{"Version/", "Safari"},
	{"Safari/", "Safari"},
	{"AppleWebKit", "Safari"},
}

var osFamilies = [...]family{
	{"Windows Phone", "Windows Phone"},
	{"Windows", "Windows"},
	{"iPhone", "iOS"},
	{"iPad", "iOS"},
	{"iPod", "iOS"},
	{"HarmonyOS", "HarmonyOS"},
	{"KAIOS", "KaiOS"},
	{"Android", "Android"},
	{"CrOS", "ChromeOS"},
	{"Tizen", "Tizen"},
	{"Web0S", "webOS"},
	{"Mac OS X", "macOS"},
	{"Macintosh", "macOS"},
	{"Linux", "Linux"},
	{"FreeBSD", "BSD"},
	{"OpenBSD", "BSD"},
	{"NetBSD", "BSD"},
	{"PlayStation", "Console"},
	{"Xbox", "Console"},
	{"Nintendo", "Console"},
}

// otherFamily is what is not in the tables.
const otherFamily = "Other"

// maxAgentBytes bounds what of the header is read.
const maxAgentBytes = 512

// agentOf reduces a User-Agent header.
func agentOf(header string) agent {
	header = header[:min(len(header), maxAgentBytes)]
	a := agent{Browser: familyOf(header, browserFamilies[:]), OS: familyOf(header, osFamilies[:])}
	a.Device = deviceOf(header, a.OS)
	return a
}

func familyOf(header string, table []family) string {
	for i := range table {
		if strings.Contains(header, table[i].word) {
			return table[i].name
		}
	}
	return otherFamily
}

func deviceOf(header, os string) string {
	switch os {
	case "iOS":
		if strings.Contains(header, "iPad") {
			return "tablet"
		}
		return "phone"
	case "Android", "HarmonyOS":
		// Android's convention: tablets leave out the word Mobile.
		if strings.Contains(header, "Mobile") {
			return "phone"
		}
		return "tablet"
	case "Windows Phone", "KaiOS":
		return "phone"
	case "Windows", "macOS", "Linux", "ChromeOS", "BSD":
		return "computer"
	}
	return "other"
}
