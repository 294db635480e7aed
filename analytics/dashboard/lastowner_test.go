package dashboard

import (
	"errors"
	"testing"
)

// Somebody must be left who may change everything; whoever may not can go.
func TestLastOwnerStays(t *testing.T) {
	ctx := t.Context()
	a, err := OpenAccounts(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	add := func(name, site string, role Role) {
		t.Helper()
		if _, err := a.Add(ctx, name, site, role); err != nil {
			t.Fatal(err)
		}
	}
	add("vera", EverySite, Viewer)
	add("edgar", "charity.test", Owner)
	if err := a.Remove(ctx, "vera"); err != nil {
		t.Errorf("where nobody owned everything: %v", err)
	}
	add("olga", EverySite, Owner)
	if err := a.SetRole(ctx, "olga", EverySite, Editor); !errors.Is(err, ErrLastOwner) {
		t.Errorf("the last owner becomes an editor: %v", err)
	}
	if err := a.Remove(ctx, "olga"); !errors.Is(err, ErrLastOwner) {
		t.Errorf("the last owner goes: %v", err)
	}
	if err := a.Remove(ctx, "edgar"); err != nil {
		t.Errorf("the owner of one site goes: %v", err)
	}
	add("otto", EverySite, Owner)
	if err := a.Remove(ctx, "olga"); err != nil {
		t.Errorf("one of two: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
