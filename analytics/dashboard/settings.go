package dashboard

import (
	"slices"
	"time"
)

// settings are what may change while the dashboard runs.
type settings struct {
	sites []Site
	mail  Mail
}

// Set puts changed sites, and a changed mail server, in force from the next
// request on. On an error nothing has changed.
func (d *Dashboard) Set(sites []Site, mail Mail) error {
	if err := mail.Validate(); err != nil {
		return err
	}
	sites = slices.Clone(sites)
	for i := range sites {
		s := &sites[i]
		if s.Name == "" {
			s.Name = s.ID
		}
		if s.Name == everySiteID {
			s.Name = "Your website"
		}
		if s.Location == nil {
			s.Location = time.UTC
		}
	}
	d.settings.Store(&settings{sites, mail})
	return nil
}
