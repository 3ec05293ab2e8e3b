// Command bank stands in for the bank on one machine.
package main

import (
	"fmt"
	"os"

	"fenzhang/local/standin/gateway"
)

func main() {
	if err := gateway.Run("bank", gateway.NewBank); err != nil {
		fmt.Fprintln(os.Stderr, "bank:", err)
		os.Exit(1)
	}
}
