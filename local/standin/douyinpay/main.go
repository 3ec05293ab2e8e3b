// Command douyinpay simulates Douyin Pay on this machine.
package main

import (
	"fmt"
	"os"

	"fenzhang/local/standin/gateway"
)

func main() {
	if err := gateway.Run("douyinpay", gateway.NewDouyin); err != nil {
		fmt.Fprintln(os.Stderr, "douyinpay:", err)
		os.Exit(1)
	}
}
