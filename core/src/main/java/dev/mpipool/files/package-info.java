/**
 * Files for several processes: written whole or not at all, claimed by one, checked by a checksum.
 */
package dev.mpipool.files;
