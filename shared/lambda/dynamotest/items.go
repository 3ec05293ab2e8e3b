package dynamotest

import (
	_ "embed" // the list
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// NewItemsVariable is the environment variable with the name of a file. When it is set, tests add
// the attributes that items.txt lacks to that file instead of failing.
const NewItemsVariable = "FENZHANG_NEW_ITEMS"

// listedItems lists the attributes of all items that the system stores, by table and kind of item.
// Every test in memory is compared with the list at its end, so that no attribute gets another name
// or type unnoticed. Kinds of items that the list lacks are not checked: tests make such items
// themselves, and new keys fail the test of the golden keys.
//
//go:embed items.txt
var listedItems string

// knownLines has the lines of the list and, besides, the table and kind with which they begin.
var knownLines = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(listedItems) {
		line = strings.TrimSpace(line)
		all[line], all[kindOf(line)] = true, true
	}
	return all
})

// kindOf returns the table and the kind of item with which a line begins.
func kindOf(line string) string {
	table, rest, _ := strings.Cut(line, " ")
	kind, _, _ := strings.Cut(rest, " ")
	return table + " " + kind
}

// kindPattern matches the parts of a key that name the kind of item, such as RCV; all other parts
// are identifiers.
var kindPattern = regexp.MustCompile(`^[A-Z]+$`)

// AttributeLines returns a line for each attribute of an item: table, kind of item, name and type
// of the attribute. AttributeLines returns none for an item whose partition key names no kind, as
// tests make them.
func AttributeLines(table string, it map[string]types.AttributeValue) []string {
	_, rest, _ := strings.Cut(strings.TrimPrefix(stringValue(it["pk"]), "T#"), "#")
	first, rest, _ := strings.Cut(rest, "#")
	if first == "" {
		return nil
	}
	kind := strings.Join(append([]string{first}, kindParts(rest)...), "#") + "/" +
		strings.Join(kindParts(stringValue(it["sk"])), "#")
	var lines []string
	for name, v := range it {
		// own#2026-09 is one of many attributes whose names end in a month
		if prefix, _, many := strings.Cut(name, "#"); many {
			name = prefix + "#<month>"
		} else if strings.Contains(name, ".") {
			name = "<account>"
		}
		_, of, _ := strings.Cut(fmt.Sprintf("%T", v), "Member")
		lines = append(lines, strings.Join([]string{table, kind, name, of}, " "))
	}
	return lines
}

// stringValue returns the text of a string attribute; "" for every other type.
func stringValue(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// kindParts returns the parts of a key that name a kind: C and J of C#c-1#J.
func kindParts(key string) []string {
	return slices.DeleteFunc(strings.Split(key, "#"), func(s string) bool {
		return !kindPattern.MatchString(s)
	})
}

// checkItems fails the test when the tables hold an attribute that the list of items lacks.
func checkItems(t testing.TB, l Tables) {
	t.Helper()
	unknown := map[string]bool{}
	for _, table := range []string{l.Incentives, l.Settlements, l.Ledger, l.Control, l.Tenancy} {
		for it := range l.Memory.Items(table) {
			for _, line := range AttributeLines(table, it) {
				if !knownLines()[line] && (knownLines()[kindOf(line)] || os.Getenv(NewItemsVariable) != "") {
					unknown[line] = true
				}
			}
		}
	}
	for line := range unknown {
		if err := appendToNewItems(line); err != nil {
			t.Errorf("stored and not in dynamotest/items.txt: %s (with %s=FILE it is added to a file; %v)",
				line, NewItemsVariable, err)
		}
	}
}

// appendToNewItems adds a line to the file that NewItemsVariable names.
//
// Errors: when the variable is not set.
func appendToNewItems(line string) error {
	f, err := os.OpenFile(os.Getenv(NewItemsVariable), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}
