package analytics

import (
	"reflect"
	"testing"
	"time"

	"github.com/lychgate/lychgate/banner"
)

// TestFactsTellAllThatTheCookieHolds sets each thing of a visitor's state alone
// and checks that the visitor's page then says something else: what a cookie
// holds and the page does not tell would be kept behind the visitor's back.
func TestFactsTellAllThatTheCookieHolds(t *testing.T) {
	s, err := newSite(SiteConfig{
		Site: "a", Location: time.UTC, Goals: []Goal{{Name: "Gave", Path: "/thanks"}},
		Funnels: []Funnel{{Name: "Booking", Steps: []string{"/a", "/b"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	said := func(v *visitor) string { return banner.RecordText("en", s.facts(v), "") }
	empty := said(&visitor{})
	var set func(v reflect.Value, each func(name string))
	whole := &visitor{}
	set = func(v reflect.Value, each func(name string)) {
		for i := range v.NumField() {
			f, before := v.Field(i), reflect.ValueOf(v.Field(i).Interface())
			switch f.Kind() {
			case reflect.Struct:
				set(f, each)
				continue
			case reflect.String:
				f.SetString("/something")
			case reflect.Int32:
				f.SetInt(20_000)
			default:
				f.SetUint(1)
			}
			each(v.Type().Field(i).Name)
			f.Set(before)
		}
	}
	set(reflect.ValueOf(whole).Elem(), func(name string) {
		if said(whole) == empty {
			t.Errorf("%s is in the cookie and not on the page", name)
		}
	})
}
