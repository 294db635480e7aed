package dashboard

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// The description and the API agree: each path described is answered and each
// answered is described, and so is every field.
func TestOpenAPIIsTrue(t *testing.T) {
	d := testDashboard(t)
	var doc struct {
		Paths      map[string]any
		Components struct {
			Parameters map[string]struct{ Schema struct{ Enum []string } }
			Schemas    struct {
				Rows struct {
					Properties map[string]json.RawMessage
				}
				Number struct{ Properties map[string]any }
			}
		}
	}
	if err := json.Unmarshal(openapi, &doc); err != nil {
		t.Fatal(err)
	}
	described, answered := slices.Sorted(maps.Keys(doc.Paths)), slices.Sorted(maps.Keys(d.apiRoutes()))
	if !slices.Equal(described, answered) {
		t.Errorf("described are %v, answered %v", described, answered)
	}
	var row struct {
		Items struct{ Properties map[string]any }
	}
	if err := json.Unmarshal(doc.Components.Schemas.Rows.Properties["rows"], &row); err != nil {
		t.Fatal(err)
	}

	d.testSums(t, "willow.example", lastMonth(), every("x", 120)...)
	token, err := d.accounts.addKey(t.Context(), tokenKey, "willow.example", "program", maxKeyLife)
	if err != nil {
		t.Fatal(err)
	}
	api := d.testProgram(t, token)
	outer, inner, number := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, path := range answered {
		path = strings.NewReplacer("{site}", "willow.example", "{list}", "pages.all").Replace(path)
		for _, period := range doc.Components.Parameters["period"].Schema.Enum {
			res := api.get(path + "?period=" + period)
			want(t, res, http.StatusOK)
			var v map[string]json.RawMessage
			if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
				t.Fatal(err)
			}
			for k := range v {
				outer[k] = true
			}
			var rows []map[string]json.RawMessage
			if err := json.Unmarshal(v["rows"], &rows); err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				for k, cell := range r {
					inner[k] = true
					var n map[string]any
					if json.Unmarshal(cell, &n) == nil {
						for k := range n {
							number[k] = true
						}
					}
				}
			}
		}
	}
	for name, x := range map[string]struct{ got, want []string }{
		"an answer": {slices.Sorted(maps.Keys(outer)), slices.Sorted(maps.Keys(doc.Components.Schemas.Rows.Properties))},
		"a row":     {slices.Sorted(maps.Keys(inner)), slices.Sorted(maps.Keys(row.Items.Properties))},
		"a number":  {slices.Sorted(maps.Keys(number)), slices.Sorted(maps.Keys(doc.Components.Schemas.Number.Properties))},
	} {
		if !slices.Equal(x.got, x.want) {
			t.Errorf("%s has %v, described are %v", name, x.got, x.want)
		}
	}
}
