package analytics

import (
	"reflect"

	"github.com/lychgate/lychgate/consent"
)

// site returns what counting knows of a site; nil when it is not configured.
func (a *Analytics) site(name string) *site { return (*a.sites.Load())[name] }

// SetSites puts a changed configuration of the sites in force, for the views
// that come from then on. On an error nothing has changed. A site that is the
// same in both goes on as it was; one that is not begins its last 30 minutes and
// its limits of new texts anew, and its sums go on.
func (a *Analytics) SetSites(list []SiteConfig) error {
	a.arranging.Lock()
	defer a.arranging.Unlock()
	next := make(map[string]*site, len(list))
	for _, c := range list {
		if old := (*a.sites.Load())[c.Site]; old != nil && reflect.DeepEqual(old.config, c) {
			next[c.Site] = old
			continue
		}
		s, err := newSite(c)
		if err != nil {
			return err
		}
		if a.keys != nil {
			s.jar.Store(newCookieJar(a.keys, s.name))
		}
		next[c.Site] = s
	}
	a.sites.Store(&next)
	return nil
}

// SetKeys gives counting its keys, if they could not be used when it was opened.
func (a *Analytics) SetKeys(k *consent.Keys) {
	a.arranging.Lock()
	defer a.arranging.Unlock()
	a.keys = k
	a.fields.Store(newSourceFields(k))
	for _, s := range *a.sites.Load() {
		s.jar.Store(newCookieJar(k, s.name))
	}
}
