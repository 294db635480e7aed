// Command lychgate is a website consent and analytics gateway.
package main

func main() {}
