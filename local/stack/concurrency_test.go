package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checkoutRoot is this checkout, seen from this package.
var checkoutRoot = filepath.Join("..", "..")

func TestSharesMustFitIntoTheQuota(t *testing.T) {
	sum, err := reservedConcurrency(checkoutRoot)
	if err != nil || sum < 100 {
		t.Fatalf("the functions reserve %d, %v", sum, err)
	}
	for _, readme := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile(filepath.Join(checkoutRoot, readme))
		if err != nil {
			t.Fatal(err)
		}
		for _, figure := range []int{sum, sum + unreserved} {
			if written := strings.TrimPrefix(fmt.Sprintf("%d,%03d", figure/1000, figure%1000), "0,"); !strings.Contains(string(text), written) {
				t.Errorf("%s does not say %s: the functions reserve %d", readme, written, sum)
			}
		}
	}
	prod := deployment{environment: "prod", reserves: true}
	if err := prod.checkQuota(sum, sum+unreserved); err != nil {
		t.Errorf("a quota with room for all: %v", err)
	}
	err = prod.checkQuota(913, 1000)
	if err == nil {
		t.Fatal("913 and 100 are more than 1,000")
	}
	for _, part := range []string{"reserve 913 ", "quota is 1000.", "at least 1013 ", "ReserveConcurrency=false", "[prod.deploy.parameters]"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message does not say %q: %v", part, err)
		}
	}
}

func TestEnvironmentsOfSamconfig(t *testing.T) {
	for environment, want := range map[string]deployment{
		"dev":  {environment: "dev"},
		"prod": {environment: "prod", reserves: true},
		"cn":   {environment: "cn", region: "cn-north-1", reserves: true},
	} {
		got, err := readDeployment(checkoutRoot, environment)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", environment, got, err)
		}
	}
	if _, err := readDeployment(checkoutRoot, "none"); err == nil {
		t.Error("an environment that samconfig.toml does not have")
	}
}
