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

// NewItemsVariable names a file to which tests add what they store and what the list of items
// lacks, instead of failing.
const NewItemsVariable = "FENZHANG_NEW_ITEMS"

// listedItems are the attributes of all items that the system stores, by table and kind of item. It
// is compared at the end of every test in memory, so that no attribute is stored under a new name
// or as another type unseen. A kind that is not listed is one of a test's own, or new: keys are
// listed with the goldens.
//
//go:embed items.txt
var listedItems string

// knownLines finds the lines of the list, and the kinds that begin them.
var knownLines = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(listedItems) {
		line = strings.TrimSpace(line)
		all[line], all[kindOf(line)] = true, true
	}
	return all
})

// kindOf is the table and the kind of item of a line.
func kindOf(line string) string {
	table, rest, _ := strings.Cut(line, " ")
	kind, _, _ := strings.Cut(rest, " ")
	return table + " " + kind
}

// kindPattern is a part of a key that says what an item is; every other part is a name.
var kindPattern = regexp.MustCompile(`^[A-Z]+$`)

// AttributeLines gives a line for each attribute of an item: table, kind of item, name, type. It
// gives none for an item of a test's own, whose partition has no kind.
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
		if prefix, _, many := strings.Cut(name, "#"); many { // own#2026-09 is one of many
			name = prefix + "#<month>"
		} else if strings.Contains(name, ".") {
			name = "<account>"
		}
		_, of, _ := strings.Cut(fmt.Sprintf("%T", v), "Member")
		lines = append(lines, strings.Join([]string{table, kind, name, of}, " "))
	}
	return lines
}

func stringValue(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// kindParts leaves of a key what is no name: C#c-1#J becomes C and J.
func kindParts(key string) []string {
	return slices.DeleteFunc(strings.Split(key, "#"), func(s string) bool {
		return !kindPattern.MatchString(s)
	})
}

// checkItems compares what a test has left in the tables with the list.
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

// appendToNewItems adds a line to the file of NewItemsVariable.
func appendToNewItems(line string) error {
	f, err := os.OpenFile(os.Getenv(NewItemsVariable), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}
