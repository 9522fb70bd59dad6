using System.Globalization;

namespace Xenlet.Kernel.Tests;

/// <summary>Files of /proc whose text is made when it is read.</summary>
public sealed class ProcessFileTests : FileSystemTest
{
    [Fact]
    public void Memory_is_what_the_allocator_has()
    {
        // Records of open files take a frame, which there is from now on.
        _ = Open("/dev/null", O_RDONLY);
        Dictionary<string, ulong> lines = Content("/proc/meminfo").Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split([':', ' '], StringSplitOptions.RemoveEmptyEntries))
            .ToDictionary(words => words[0], words => ulong.Parse(words[1], CultureInfo.InvariantCulture));

        Assert.Equal(
            (FrameAllocator.TotalFrames * 4, FrameAllocator.FreeFrames * 4, MemoryCharge.Available * 4),
            (lines["MemTotal"], lines["MemFree"], lines["MemAvailable"]));
    }

    [Fact]
    public void The_process_has_the_pages_that_it_touched()
    {
        ulong before = Resident();
        _ = Allocate(10);
        Assert.Equal(before + 10, Resident());
        Assert.Equal(52, Content("/proc/self/stat").Split(' ').Length);
        Assert.Equal($"{Resident()}", Content("/proc/self/stat").Split(' ')[23]);
        Assert.Contains($"VmRSS:\t{Resident() * 4} kB\n", Content("/proc/self/status"), StringComparison.Ordinal);

        ulong Resident() => ulong.Parse(Content("/proc/1/statm").Split(' ')[1], CultureInfo.InvariantCulture);
    }

    [Fact]
    public void Uptime_is_in_hundredths_of_seconds()
    {
        Now = 3_070_000_000;
        Assert.StartsWith("3.07 ", Content("/proc/uptime"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_is_read_in_parts_and_cannot_be_changed_or_mapped()
    {
        string all = Content("/proc/meminfo");
        long file = Open("/proc/meminfo", O_RDONLY);
        Assert.Equal(all[..5], Read(file, 5));
        Assert.Equal(all[5..], Read(file));
        Assert.Equal("", Read(file));
        Assert.Equal(0, Length("/proc/meminfo"));
        Assert.Equal(-Errno.EROFS, Open("/proc/meminfo", O_RDWR));
        Assert.Equal(-Errno.ENODEV, Call(SystemCallNumber.Mmap, 0, 4096, 1, 2, (ulong)file, 0));
    }
}
