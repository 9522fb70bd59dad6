using System.Globalization;
using System.Text.RegularExpressions;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>Guests with little memory, with much, and with none left.</summary>
public abstract partial class MemoryTests(World world)
{
    [Theory]
    [InlineData(12)]
    [InlineData(16)]
    [InlineData(24)]
    [InlineData(64)]
    [InlineData(512)]
    public async Task Hello_runs_in_any_memory_from_12_MiB_on(int memory)
    {
        EndedGuest guest = (await RunHelloAsync(memory)).AssertExited(0);
        Assert.Contains("Caught what the processor raised", guest.Console, StringComparison.Ordinal);
        Assert.Contains("500,000,500,000", guest.Console, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Too_little_memory_is_one_line_that_says_what_is_needed_and_that_is_enough()
    {
        EndedGuest small = (await RunHelloAsync(5)).AssertCrashed();
        string line = Assert.Single(small.Lines, line => line.Length > 0);
        Match needed = NeededMemory().Match(line);
        Assert.True(needed.Success, line);
        (await RunHelloAsync(int.Parse(needed.Groups["needed"].Value, CultureInfo.InvariantCulture))).AssertExited(0);
    }

    [Theory]
    [InlineData(24)]
    [InlineData(48)]
    [InlineData(100)]
    public async Task Out_of_memory_is_an_exception_and_the_program_goes_on(int memory)
    {
        EndedGuest guest = (await world.RunCaseAsync("out-of-memory 4", memory)).AssertExited(0);
        Assert.Contains("round 3: caught", guest.Lines);
        Assert.Contains("went on after all", guest.Lines);
    }

    [Fact]
    public async Task Native_memory_runs_out_with_an_error_and_the_program_goes_on()
    {
        EndedGuest guest = (await world.RunCaseAsync("native-out-of-memory", 48)).AssertExited(0);
        Assert.Contains("native memory ended, caught", guest.Lines);
        Assert.Contains("went on after all", guest.Lines);
    }

    [Theory]
    [InlineData(64, 40)]
    [InlineData(300, 250)]
    public async Task Most_of_the_memory_can_be_used(int memory, int touched)
    {
        EndedGuest guest = (await world.RunCaseAsync($"touch-memory {touched}", memory)).AssertExited(0);
        AssertTouched(guest, memory, touched);
    }

    /// <summary>Fails unless the pages were touched and the collector knows of at least three quarters of the memory.</summary>
    protected static void AssertTouched(EndedGuest guest, int memory, int touched)
    {
        Match told = Touched().Match(guest.Console);
        Assert.True(told.Success, guest.Console);
        Assert.Equal(touched, int.Parse(told.Groups["touched"].Value, CultureInfo.InvariantCulture));
        Assert.InRange(int.Parse(told.Groups["limit"].Value, CultureInfo.InvariantCulture), memory * 3 / 4 - 12, memory);
    }

    private async Task<EndedGuest> RunHelloAsync(int memory) =>
        await world.RunAsync(new GuestConfig { Name = world.NewName(), Kernel = await Images.Hello, MemoryMiB = memory });

    [GeneratedRegex(@"not enough memory.*memory=(?<needed>\d+)")]
    private static partial Regex NeededMemory();

    [GeneratedRegex(@"touched (?<touched>\d+) MiB, the collector may use (?<limit>\d+) MiB")]
    private static partial Regex Touched();
}

[Collection(WithoutXen.Name)]
public sealed class MemoryTestsWithoutXen(DirectWorld world) : MemoryTests(world)
{
    private readonly World _world = world;

    [Theory]
    [InlineData(2048, 64)]
    [InlineData(4096, 64)]
    [InlineData(6144, 64)]
    public async Task Large_memory_is_the_programs_too(int memory, int touched)
    {
        EndedGuest guest = (await _world.RunCaseAsync($"touch-memory {touched}", memory)).AssertExited(0);
        AssertTouched(guest, memory, touched);
    }

    [Fact]
    public async Task Memory_above_4_GiB_is_used_when_that_below_is_full()
    {
        // Most of this machine's memory lies above 4 GiB: the program cannot have its 400 MiB without it.
        await using IGuest guest = await DirectWorld.StartAsync(
            new GuestConfig { Name = _world.NewName(), Kernel = await Images.Cases, MemoryMiB = 600, CommandLine = "touch-memory 400" },
            ["-machine", "max-ram-below-4g=128M"]);
        EndedGuest ended = (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(0);
        AssertTouched(ended, 600, 400);
    }
}

[Collection(UnderXen.Name)]
public sealed class MemoryTestsUnderXen(XenWorld world) : MemoryTests(world)
{
    private readonly World _world = world;

    [Fact]
    public async Task A_domain_whose_maxmem_is_above_its_memory_is_refused_with_one_line()
    {
        EndedGuest guest = await _world.RunAsync(
            new GuestConfig { Name = _world.NewName(), Kernel = await Images.Hello, MemoryMiB = 32, MaxMemoryMiB = 64 });
        guest.AssertCrashed();
        string line = Assert.Single(guest.Lines, line => line.Length > 0);
        Assert.Contains("maxmem is above memory", line, StringComparison.Ordinal);
        Assert.Contains("set maxmem equal to memory", line, StringComparison.Ordinal);
    }
}
