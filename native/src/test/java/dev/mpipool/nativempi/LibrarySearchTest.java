package dev.mpipool.nativempi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibrarySearchTest {

  @TempDir Path folder;
  private String path;

  /** An MPI of its own: bin/mpirun, called by a link in a folder of the PATH, and lib. */
  @BeforeEach
  void install() throws IOException {
    Path bin = Files.createDirectories(folder.resolve("mpi/bin"));
    Path program = Files.createFile(bin.resolve("orterun"));
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    Path onPath = Files.createDirectories(folder.resolve("path"));
    Files.createSymbolicLink(onPath.resolve("mpirun"), program);
    Files.createDirectories(folder.resolve("mpi/lib"));
    path = "/nowhere:" + onPath;
  }

  private String library(String name) throws IOException {
    return Files.createFile(folder.resolve("mpi/lib").resolve(name)).toRealPath().toString();
  }

  @Test
  void whatTheUserNamesIsTheOnlyOne() {
    Map<String, String> environment = Map.of("MPIPOOL_MPI_LIBRARY", "/b", "PMI_SIZE", "2");
    assertThat(LibrarySearch.candidates("/a", environment)).containsExactly("/a");
    assertThat(LibrarySearch.candidates(null, environment)).containsExactly("/b");
  }

  @Test
  void underOpenMpiItIsOpenMpis() throws IOException {
    String beside = library("libmpi.so.40");
    library("libmpi.so.12");
    assertThat(
            LibrarySearch.candidates(
                null, Map.of("OMPI_COMM_WORLD_SIZE", "2", "PMI_SIZE", "2", "PATH", path)))
        .containsExactly("libmpi.so.40", beside, "libmpi_abi.so.1");
  }

  @Test
  void openMpiMayNameItsFolder() throws IOException {
    String named = library("libmpi.so.40");
    String standard = library("libmpi_abi.so.1");
    Map<String, String> environment =
        Map.of(
            "OMPI_COMM_WORLD_SIZE", "2", "OMPI_LIBDIR_LOC", folder.resolve("mpi/lib").toString());
    assertThat(LibrarySearch.candidates(null, environment))
        .containsExactly("libmpi.so.40", named, "libmpi_abi.so.1", standard);
  }

  @Test
  void underAnotherProcessManagerOfMpichItIsMpichs() throws IOException {
    String beside = library("libmpi.so.12");
    library("libmpi.so.40");
    assertThat(LibrarySearch.candidates(null, Map.of("PMI_SIZE", "2", "PATH", path)))
        .containsExactly("libmpi.so.12", "libmpich.so.12", beside, "libmpi_abi.so.1");
  }

  @Test
  void underPmixBothAreTried() {
    assertThat(LibrarySearch.candidates(null, Map.of("PMIX_RANK", "0")))
        .isEqualTo(List.of("libmpi.so.40", "libmpi.so.12", "libmpich.so.12", "libmpi_abi.so.1"));
  }
}
