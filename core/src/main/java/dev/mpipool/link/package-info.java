/** The connection between the process of a rank and the launcher that started it. */
package dev.mpipool.link;
