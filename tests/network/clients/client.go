// SPDX-License-Identifier: LGPL-2.1-or-later

// A client of Go, with Go's own resolver: client URL. Prints {"status", "size", "sha256"} of what it got, twice.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	for i := 0; i < 2; i++ {
		reply, err := http.Get(os.Args[1])
		if err != nil {
			fmt.Printf("{\"error\": %q}\n", err)
			os.Exit(1)
		}
		body, err := io.ReadAll(reply.Body)
		reply.Body.Close()
		if err != nil {
			fmt.Printf("{\"error\": %q}\n", err)
			os.Exit(1)
		}
		fmt.Printf("{\"status\": %d, \"size\": %d, \"sha256\": \"%x\"}\n", reply.StatusCode, len(body), sha256.Sum256(body))
	}
}
