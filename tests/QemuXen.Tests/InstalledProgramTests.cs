using Xenlet.QemuXen.Machine;

namespace Xenlet.QemuXen.Tests;

/// <summary>Programs of this machine that dom0 gets.</summary>
[Collection(XenFixture.Collection)]
public sealed class InstalledProgramTests(XenFixture fixture)
{
    [Fact]
    public async Task A_program_with_libraries_that_dom0_lacks_runs_there()
    {
        await fixture.Machine.InstallProgramAsync("curl");

        CommandResult result = await fixture.Machine.RunInDom0Async("curl --version | head -n 1 | cut -d ' ' -f 1");

        Assert.Equal(new CommandResult(0, "curl\n", ""), result);
    }

    [Fact]
    public async Task A_program_that_is_not_installed_is_named()
    {
        QemuXenException failure = await Assert.ThrowsAsync<QemuXenException>(() => fixture.Machine.InstallProgramAsync("no-such-program"));

        Assert.Equal("dom0 is to have the program 'no-such-program' of this machine, where it is not installed.", failure.Message);
    }

    [Fact]
    public void What_ldd_says_of_a_program_is_read()
    {
        const string Said = """
            	linux-vdso.so.1 (0x00007ffc)
            	libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f48)
            	/lib64/ld-linux-x86-64.so.2 (0x00007f49)

            """;

        InstalledProgram program = InstalledProgram.Parse("/usr/bin/it", Said);

        Assert.Equal(("/usr/bin/it", "/lib64/ld-linux-x86-64.so.2"), (program.Path, program.Interpreter));
        Assert.Equal(["/lib/x86_64-linux-gnu/libz.so.1"], program.Libraries);
    }

    [Theory]
    [InlineData("\tlibz.so.1 => not found", "/usr/bin/it needs libz.so.1, which is not installed.")]
    [InlineData("\tnot a dynamic executable", "/usr/bin/it names no dynamic linker: not a dynamic executable")]
    public void What_cannot_run_is_named(string said, string expected) =>
        Assert.Equal(expected, Assert.Throws<QemuXenException>(() => InstalledProgram.Parse("/usr/bin/it", said)).Message);
}
