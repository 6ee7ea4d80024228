// This file lets cell.go declare functions that have their bodies in package runtime.
