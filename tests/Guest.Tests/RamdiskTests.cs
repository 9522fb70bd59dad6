using System.Formats.Tar;
using System.Text;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>The domain's ramdisk, whose files lie over those of the image.</summary>
public abstract class RamdiskTests(World world) : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("ramdisk").FullName;

    public void Dispose()
    {
        Directory.Delete(_directory, recursive: true);
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Its_files_take_the_place_of_the_images_and_stay()
    {
        string archive = Write(
            ("./content/text.txt", "of the domain"),
            ("./new/below/" + new string('n', 200), "added"),
            ("./large", new string('r', 3 << 20)));
        EndedGuest guest = await RunAsync("ramdisk-files", archive);
        guest.AssertExited(0);
    }

    [Fact]
    public async Task One_that_leads_out_of_the_directory_is_one_line_that_names_the_entry()
    {
        EndedGuest guest = (await RunAsync("ramdisk-files", Write(("content/a", "1"), ("../etc/\u001bpasswd", "2")))).AssertCrashed();
        string line = Assert.Single(guest.Lines, line => line.Length > 0);
        Assert.Equal(@"xenlet: ramdisk: entry 2 '../etc/\x1bpasswd' has '..' in its path", line);
    }

    private string Write(params (string Path, string Content)[] files)
    {
        string path = Path.Combine(_directory, "files.tar");
        using TarWriter writer = new(File.Create(path));
        foreach ((string name, string content) in files)
        {
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name)
            {
                DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)),
                ModificationTime = new DateTimeOffset(2024, 5, 6, 7, 8, 9, 250, TimeSpan.Zero),
            });
        }

        return path;
    }

    private async Task<EndedGuest> RunAsync(string commandLine, string ramdisk) => await world.RunAsync(
        new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Cases,
            Ramdisk = ramdisk,
            MemoryMiB = World.CaseMemory,
            CommandLine = commandLine,
        });
}

[Collection(WithoutXen.Name)]
public sealed class RamdiskTestsWithoutXen(DirectWorld world) : RamdiskTests(world);

[Collection(UnderXen.Name)]
public sealed class RamdiskTestsUnderXen(XenWorld world) : RamdiskTests(world);
