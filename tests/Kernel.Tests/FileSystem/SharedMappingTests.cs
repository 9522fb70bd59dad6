namespace Xenlet.Kernel.Tests;

/// <summary>Shared mappings of files in /tmp: the file and its mappings are the same memory.</summary>
public sealed unsafe class SharedMappingTests : FileSystemTest
{
    // asm-generic/mman-common.h
    private const ulong PROT_NONE = 0;
    private const ulong PROT_READ = 1;
    private const ulong PROT_WRITE = 2;
    private const ulong PROT_EXEC = 4;
    private const ulong MAP_SHARED = 1;
    private const ulong MAP_PRIVATE = 2;
    private const ulong MAP_FIXED = 0x10;
    private const ulong MAP_ANONYMOUS = 0x20;
    private const ulong ReadWrite = PROT_READ | PROT_WRITE;
    private const ulong MADV_DONTNEED = 4;

    private readonly ulong _records;

    public SharedMappingTests() => _records = FileRoom.Used;

    [Fact]
    public void What_is_written_to_one_is_read_from_the_other()
    {
        long file = OpenNew(2 * 4096);
        ulong mapping = Map(file, 2 * 4096);
        ulong second = Map(file, 4096, PROT_READ, offset: 4096);

        *(ulong*)(mapping + 4096) = 0x6f6c_6c65_68;
        Assert.Equal("hello", ReadAt(file, 4096, 5));
        Assert.Equal(0x6f6c_6c65_68ul, *(ulong*)second);
        WriteAt(file, 4100, "X");
        Assert.Equal(((byte)'X', (byte)'X'), (*(byte*)(mapping + 4100), *(byte*)(second + 4)));
        Assert.Equal(0, Call(SystemCallNumber.Msync, mapping, 2 * 4096, 4));
    }

    [Fact]
    public void A_mapping_outlives_descriptor_and_name_and_then_gives_everything_back()
    {
        long file = OpenNew(3 * 4096);
        ulong mapping = Map(file, 3 * 4096);
        Assert.Equal(0, Close(file));
        Assert.Equal(0, Call(SystemCallNumber.Unlink, Path("/tmp/file")));

        Assert.Equal(0, Call(SystemCallNumber.Munmap, mapping + 4096, 4096));
        *(byte*)mapping = 1;
        *(byte*)(mapping + (2 * 4096)) = 2;
        Assert.True(FrameAllocator.FileFrames > 0);
        Assert.Equal(0, Call(SystemCallNumber.Munmap, mapping, 4096));
        Assert.Equal(0, Call(SystemCallNumber.Munmap, mapping + (2 * 4096), 4096));

        Assert.Equal((0ul, _records), (FrameAllocator.FileFrames, FileRoom.Used));
    }

    [Fact]
    public void Another_mapping_in_its_place_gives_everything_back()
    {
        long file = OpenNew(4096);
        ulong mapping = Map(file, 4096);
        Assert.Equal(0, Close(file));
        Assert.Equal(0, Call(SystemCallNumber.Unlink, Path("/tmp/file")));

        long other = Call(SystemCallNumber.Mmap, mapping, 4096, ReadWrite, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, ulong.MaxValue, 0);
        Assert.Equal((long)mapping, other);

        Assert.Equal((0ul, _records), (FrameAllocator.FileFrames, FileRoom.Used));
        Assert.Equal(TouchResult.Ready, DemandPaging.Touch(mapping, write: true, execute: false));
    }

    /// <summary>The same file again, over the only thing that keeps it.</summary>
    [Fact]
    public void A_file_can_be_mapped_over_its_own_mapping()
    {
        long file = OpenNew(4096);
        ulong mapping = Map(file, 4096);
        *(byte*)mapping = 7;
        Assert.Equal((long)mapping, Call(SystemCallNumber.Mmap, mapping, 4096, ReadWrite, MAP_SHARED | MAP_FIXED, (ulong)file, 0));
        Assert.Equal(7, *(byte*)mapping);
        Assert.Equal(0, Close(file));
        Assert.Equal(0, Call(SystemCallNumber.Unlink, Path("/tmp/file")));
        Assert.Equal(0, Call(SystemCallNumber.Munmap, mapping, 4096));
        Assert.Equal(_records, FileRoom.Used);
    }

    [Fact]
    public void Below_a_truncation_the_mapping_stays_and_beyond_it_touching_is_a_bus_error()
    {
        long file = OpenNew(3 * 4096);
        ulong mapping = Map(file, 3 * 4096);
        ulong part = Map(file, 4096, offset: 2 * 4096);
        *(byte*)mapping = 1;
        *(byte*)(mapping + 4096 + 100) = 2;
        *(byte*)(mapping + (2 * 4096)) = 3;

        Assert.Equal(0, Call(SystemCallNumber.Ftruncate, (ulong)file, 4096 + 50));

        HostMemory.AssertCoherent();
        Assert.Equal((1, 0), (*(byte*)mapping, *(byte*)(mapping + 4096 + 100)));
        Assert.Equal(TouchResult.NoFilePage, DemandPaging.Touch(mapping + (2 * 4096), write: false, execute: false));
        Assert.Equal(TouchResult.NoFilePage, DemandPaging.Touch(part, write: true, execute: false));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Read, (ulong)file, part, 1));

        // Pages that the file has again are empty.
        Assert.Equal(0, Call(SystemCallNumber.Ftruncate, (ulong)file, 3 * 4096));
        Assert.Equal(TouchResult.Ready, DemandPaging.Touch(part, write: true, execute: false));
        Assert.Equal(0, *(byte*)part);
        *(byte*)part = 9;
        Assert.Equal("\t", ReadAt(file, 2 * 4096, 1));
    }

    [Fact]
    public void A_bus_error_is_a_signal_with_the_address()
    {
        long file = OpenNew(1);
        ulong mapping = Map(file, 2 * 4096);
        PanicOrEnd(() => Trap(Vector.PageFault, errorCode: 0, address: mapping + 4096));
        Assert.Contains("SIGBUS", KernelLog.Text, StringComparison.Ordinal);

        static void PanicOrEnd(Action action)
        {
            Exception? end = Record.Exception(action);
            Assert.True(end is null or PanicException or MachineHaltedException, $"{end}");
        }
    }

    [Fact]
    public void Room_that_is_missing_is_an_error_of_the_call_and_of_no_touch()
    {
        long file = OpenNew(8 * 4096);
        FileRoom.Limit = FileRoom.Used + (4 * Pages.Size);

        Assert.Equal(-Errno.ENOMEM, Call(SystemCallNumber.Mmap, 0, 8 * 4096, ReadWrite, MAP_SHARED, (ulong)file, 0));

        FileRoom.Limit = FileRoom.Used + (20 * Pages.Size);
        ulong mapping = Map(file, 8 * 4096);
        FileRoom.Limit = 0;
        for (ulong page = 0; page < 8; page++)
        {
            *(byte*)(mapping + (page * 4096)) = 1;
        }
    }

    [Fact]
    public void Rights_are_those_of_the_descriptor_and_never_to_execute()
    {
        _ = OpenNew(4096);
        ulong file = (ulong)Open("/tmp/file", O_RDONLY);
        Assert.Equal(-Errno.EACCES, Call(SystemCallNumber.Mmap, 0, 4096, ReadWrite, MAP_SHARED, file, 0));
        Assert.Equal(-Errno.EPERM, Call(SystemCallNumber.Mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0));
        Assert.Equal(-Errno.EACCES, Call(SystemCallNumber.Mmap, 0, 4096, PROT_READ, MAP_SHARED, (ulong)Open("/tmp/file", O_WRONLY), 0));
        Assert.Equal(-Errno.EOVERFLOW, Call(SystemCallNumber.Mmap, 0, 8192, PROT_READ, MAP_SHARED, file, 0xffff_ffff_ffff_f000));

        ulong mapping = Map((long)file, 4096, PROT_READ);
        Assert.Equal(-Errno.EACCES, Call(SystemCallNumber.Mprotect, mapping, 4096, ReadWrite));
        Assert.Equal(-Errno.EACCES, Call(SystemCallNumber.Mprotect, mapping, 4096, PROT_READ | PROT_EXEC));
        Assert.Equal(0, Call(SystemCallNumber.Mprotect, mapping, 4096, PROT_NONE));
        Assert.Equal(TouchResult.Denied, DemandPaging.Touch(mapping, write: false, execute: false));
        Assert.Equal(0, Call(SystemCallNumber.Mprotect, mapping, 4096, PROT_READ));
        Assert.Equal(TouchResult.Ready, DemandPaging.Touch(mapping, write: false, execute: false));
        Assert.Equal(TouchResult.Denied, DemandPaging.Touch(mapping, write: true, execute: false));
    }

    [Fact]
    public void Advice_and_protection_keep_the_content_and_charge_nothing()
    {
        long file = OpenNew(4 * 4096);
        ulong promised = MemoryCharge.Promised;
        ulong mapping = Map(file, 4 * 4096);
        *(byte*)(mapping + 4096) = 5;

        Assert.Equal(0, Call(SystemCallNumber.Madvise, mapping, 4 * 4096, MADV_DONTNEED));
        Assert.Equal(TouchResult.Ready, DemandPaging.Touch(mapping + 4096, write: true, execute: false));
        Assert.Equal(5, *(byte*)(mapping + 4096));
        Assert.Equal(0, Call(SystemCallNumber.Mprotect, mapping + 4096, 4096, PROT_READ));
        Assert.Equal(0, Call(SystemCallNumber.Mprotect, mapping + 4096, 4096, ReadWrite));
        Assert.Equal(promised, MemoryCharge.Promised);
        Assert.True(RegionList.Find(mapping) == RegionList.Find(mapping + (3 * 4096)), "parts with equal rights are one region again");
    }

    [Fact]
    public void A_file_without_a_name_lives_as_long_as_it_is_open_or_mapped()
    {
        long file = Call(SystemCallNumber.MemfdCreate, Path("any name"), 3);
        Assert.True(file >= 0, $"memfd_create gave {file}");
        Assert.Equal(0, Call(SystemCallNumber.Ftruncate, (ulong)file, 5000));
        ulong mapping = Map(file, 5000);
        *(byte*)(mapping + 4999) = (byte)'z';
        Assert.Equal("z", ReadAt(file, 4999, 10));
        Assert.Equal(0, Close(file));
        *(byte*)mapping = 1;
        Assert.Equal(0, Call(SystemCallNumber.Munmap, mapping, 8192));
        Assert.Equal((0ul, _records), (FrameAllocator.FileFrames, FileRoom.Used));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.MemfdCreate, Path("a"), 4));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.MemfdCreate, Path(new string('a', 250)), 1));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.MemfdCreate, 0, 1));
    }

    [Theory]
    [InlineData(0ul, 4096ul, 4ul, 0)]
    [InlineData(1ul, 4096ul, 4ul, Errno.EINVAL)]
    [InlineData(0ul, 4096ul, 5ul, Errno.EINVAL)]
    [InlineData(0ul, 4096ul, 8ul, Errno.EINVAL)]
    [InlineData(0ul, 0ul, 2ul, 0)]
    [InlineData(0ul, 1ul << 40, 4ul, Errno.ENOMEM)]
    public void Msync_checks_and_has_nothing_to_do(ulong offset, ulong length, ulong flags, long error) =>
        Assert.Equal(-error, Call(SystemCallNumber.Msync, Map(OpenNew(4096), 4096) + offset, length, flags));

    private long OpenNew(ulong length)
    {
        long file = Open("/tmp/file", O_CREAT | O_EXCL | O_RDWR);
        Assert.True(file >= 0, $"open gave {file}");
        Assert.Equal(0, Call(SystemCallNumber.Ftruncate, (ulong)file, length));
        return file;
    }

    private static ulong Map(long file, ulong length, ulong protection = ReadWrite, ulong offset = 0)
    {
        long mapping = Call(SystemCallNumber.Mmap, 0, length, protection, MAP_SHARED, (ulong)file, offset);
        Assert.True(mapping > 0, $"mmap gave {mapping}");
        return (ulong)mapping;
    }

    private string ReadAt(long file, ulong position, int count)
    {
        long read = Call(SystemCallNumber.Pread64, (ulong)file, Buffer, (ulong)count, position);
        Assert.True(read >= 0, $"pread64 gave {read}");
        return System.Text.Encoding.UTF8.GetString(Load(Buffer, (int)read));
    }

    private void WriteAt(long file, ulong position, string text)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(text);
        bytes.CopyTo(new Span<byte>((void*)Buffer, bytes.Length));
        Assert.Equal(bytes.Length, Call(SystemCallNumber.Pwrite64, (ulong)file, Buffer, (ulong)bytes.Length, position));
    }
}
