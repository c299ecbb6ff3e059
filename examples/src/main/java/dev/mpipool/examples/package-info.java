/** Programs to run and to read, each one idea. */
package dev.mpipool.examples;
