package main

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// commentedKey is a line of the reference that shows a default: "# data = ...",
// or the header of a table that is optional.
var commentedKey = regexp.MustCompile(`(?m)^# ((?:[a-z0-9_]+ = .*)|(?:\[\[?[a-z_.]+\]\]?))$`)

// The annotated reference names every key, and the defaults it shows are those
// of the program.
func TestReferenceConfigIsTrue(t *testing.T) {
	const path = "../../deploy/lychgate.toml"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	asShipped, p := parseConfig(path, text)
	if err := p.err(); err != nil {
		t.Fatalf("as shipped: %v", err)
	}

	full := string(commentedKey.ReplaceAll(text, []byte("$1")))
	shown, p := new(config), &problems{file: path, lines: map[string]int{}}
	decodeTOML([]byte(full), shown, p)
	if err := p.err(); err != nil {
		t.Fatalf("with every key uncommented: %v", err)
	}
	shown.fill("../../deploy")
	// Sites and purposes have examples rather than defaults.
	asShipped.Sites, asShipped.Purposes, shown.Sites, shown.Purposes = nil, nil, nil, nil
	for field := range reflect.TypeFor[config]().Fields() {
		if field.Tag.Get("toml") == "" {
			continue // no key of the file
		}
		got := reflect.ValueOf(*shown).FieldByName(field.Name).Interface()
		want := reflect.ValueOf(*asShipped).FieldByName(field.Name).Interface()
		if !equalOrEmpty(got, want) {
			t.Errorf("[%s]: the reference shows %+v, the default is %+v", field.Tag.Get("toml"), got, want)
		}
	}
	for key := range keysOf(reflect.TypeFor[config]()) {
		if !strings.Contains(full, "\n"+key+" = ") && !strings.Contains(full, "["+key+"]") && !strings.Contains(full, "."+key+"]") && !strings.Contains(full, "."+key+".") {
			t.Errorf("the reference does not mention %q", key)
		}
	}
}

// equalOrEmpty is deep equality in which an empty list equals a missing one and
// a pointer to true a missing switch.
func equalOrEmpty(a, b any) bool {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	switch va.Kind() {
	case reflect.Struct:
		if a, ok := a.(period); ok {
			return a == b
		}
		for i := range va.NumField() {
			if !equalOrEmpty(va.Field(i).Interface(), vb.Field(i).Interface()) {
				return false
			}
		}
		return true
	case reflect.Slice, reflect.Map:
		return va.Len() == 0 && vb.Len() == 0 || reflect.DeepEqual(a, b)
	case reflect.Pointer:
		return reflect.DeepEqual(a, b) || vb.IsNil() && va.Elem().Bool()
	default:
		return reflect.DeepEqual(a, b)
	}
}

// keysOf is the set of all keys that t reads.
func keysOf(t reflect.Type) map[string]bool {
	keys := map[string]bool{}
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return keys
	}
	for field := range t.Fields() {
		if tag := field.Tag.Get("toml"); tag != "" {
			keys[tag] = true
			for key := range keysOf(field.Type) {
				keys[key] = true
			}
		}
	}
	return keys
}

// The configuration of the containers is right, apart from what lies in them.
func TestComposeConfigIsRight(t *testing.T) {
	text, err := os.ReadFile("../../deploy/compose.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, secret := range []string{"migrator", "writer", "reader", "housekeeper"} {
		if err := os.WriteFile(dir+"/"+secret, []byte("secret\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	here := strings.NewReplacer("/run/secrets/", dir+"/", "/srv/site", dir).Replace(string(text))
	if _, p := parseConfig("compose.toml", []byte(here)); p.err() != nil {
		t.Error(p.err())
	}
}
