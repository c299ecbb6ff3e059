package dev.mpipool.nativempi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;

class MpiAbiTest {

  private static final Set<String> OF_OPEN_MPI = Set.of("ompi_mpi_comm_world", "MPI_Send");

  @Test
  void openMpiIsKnownByItsSymbols() {
    assertThat(MpiAbi.of(0, OF_OPEN_MPI::contains, "Open MPI v4.1.4")).contains(MpiAbi.OPEN_MPI);
  }

  @Test
  void itsNewestOwnLibrarySaysThatItIsNotTheStandardOne() {
    assertThat(MpiAbi.of(-1, OF_OPEN_MPI::contains, "Open MPI v6.0.0")).contains(MpiAbi.OPEN_MPI);
  }

  @Test
  void theStandardInterfaceCountsThoughTheSymbolsAreOpenMpis() {
    assertThat(MpiAbi.of(1, OF_OPEN_MPI::contains, "Open MPI v6.0.0")).contains(MpiAbi.STANDARD);
  }

  @Test
  void mpichAndItsDescendantsAreKnownByTheirVersion() {
    for (String version :
        new String[] {
          "MPICH Version:\t4.0.2",
          "Intel(R) MPI Library 2021.10",
          "MVAPICH Version: 3.0",
          "CRAY MPICH version 8.1"
        }) {
      assertThat(MpiAbi.of(0, name -> false, version)).as(version).contains(MpiAbi.MPICH);
    }
  }

  @Test
  void whatIsNoneOfTheseIsNotCalled() {
    assertThat(MpiAbi.of(0, name -> false, "Some MPI 1.0")).isEmpty();
  }

  @Test
  void aHandleIsANumberOrTheAddressOfASymbol() {
    assertThat(MpiAbi.MPICH.commWorld().resolve(name -> 1)).isEqualTo(0x44000000);
    assertThat(MpiAbi.OPEN_MPI.byteType().resolve(name -> name.equals("ompi_mpi_byte") ? 77 : 0))
        .isEqualTo(77);
  }
}
