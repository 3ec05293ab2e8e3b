// Command bank simulates the bank's payment interface on this machine.
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
