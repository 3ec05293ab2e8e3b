// Package goldens holds, as text, what others have stored or rely on: key forms, attribute names, stored words,
// refusals, shapes of messages, routes. The lists are read from the code, so that a new line shows up by itself,
// and no name of a folder or file is in them, so that moving code leaves them as they are. A line that leaves or
// changes breaks what was stored or what callers know; `go test <this folder> -update` writes the lists anew, and
// the difference is then read by whoever reviews the commit.
package goldens
