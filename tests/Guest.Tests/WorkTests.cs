using Xenlet.QemuXen;
using Xenlet.Tests;

namespace Xenlet.Guest.Tests;

/// <summary>Work for libraries that nobody here wrote: in a guest it comes out byte for byte as on Linux.</summary>
public abstract class WorkTests(World world)
{
    private static readonly string[] Parts = ["text", "regex", "json", "linq", "numbers", "compression", "dates", "xml", "javascript",
        "collections"];

    private static readonly Lazy<Task<string>> OnLinux = new(RunOnLinuxAsync);

    [Fact]
    public async Task Libraries_give_the_same_output_as_on_Linux()
    {
        string expected = await OnLinux.Value;
        Assert.All(Parts, part => Assert.Contains($"begin {part}\n", expected, StringComparison.Ordinal));
        Assert.EndsWith("end collections\n", expected, StringComparison.Ordinal);
        EndedGuest guest = await world.RunAsync(new GuestConfig { Name = world.NewName(), Kernel = await Images.Work, MemoryMiB = 128 });
        guest.AssertExited(0);
        Assert.Equal(expected + "xenlet: exit 0\n", guest.Console);
    }

    private static async Task<string> RunOnLinuxAsync()
    {
        // The publication left the program's assembly in front of the native image. It runs on the runtime that runs these tests.
        string publish = Path.GetDirectoryName(await Images.Work)!;
        string assembly = Path.Combine(Path.GetDirectoryName(publish)!, "Xenlet.GuestWork.dll");
        string runtime = Path.Combine(AppContext.BaseDirectory, "Xenlet.Guest.Tests.runtimeconfig.json");
        return await PublishedImages.RunAsync(
            "dotnet", ["exec", "--runtimeconfig", runtime, assembly], new Dictionary<string, string>
            {
                ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1",
            });
    }
}

[Collection(WithoutXen.Name)]
public sealed class WorkTestsWithoutXen(DirectWorld world) : WorkTests(world);

[Collection(UnderXen.Name)]
public sealed class WorkTestsUnderXen(XenWorld world) : WorkTests(world);
