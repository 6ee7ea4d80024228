// This file lets polls.go declare a function that has its body in another package.
