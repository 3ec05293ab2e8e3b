// Command keys creates the keys that the simulated payment gateways and the functions share, unless
// the key file exists.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"fenzhang/local/standin/gateway"
)

func main() {
	out := flag.String("out", "",
		"key file; beside it FILE.secret.json gets the part for the functions' secret")
	tenants := flag.String("tenants", "demo-mcn,demo-small",
		"tenants, each with a merchant account at either gateway")
	flag.Parse()
	if *out == "" {
		fmt.Fprintln(os.Stderr, "keys: -out is needed")
		os.Exit(2)
	}
	if err := gateway.EnsureKeys(*out, strings.Split(*tenants, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "keys:", err)
		os.Exit(1)
	}
}
