// Package archtest checks which package may import which other one. It holds tests only.
package archtest
