/** What a rank on MPJ Express needs to live with lost ranks. Stands on MPJ Express alone. */
package dev.mpipool.device;
