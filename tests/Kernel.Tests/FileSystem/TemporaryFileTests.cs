namespace Xenlet.Kernel.Tests;

/// <summary>Files in /tmp.</summary>
public sealed unsafe class TemporaryFileTests : FileSystemTest
{
    [Fact]
    public void A_file_has_what_was_written()
    {
        Create("/tmp/a", "hello");

        Assert.Equal("hello", Content("/tmp/a"));
        Assert.Equal(5, Length("/tmp/a"));
        Assert.Equal(-Errno.EEXIST, Open("/tmp/a", O_CREAT | O_EXCL));
        Assert.Equal("a", Entries("/tmp"));
    }

    [Fact]
    public void Creat_makes_a_file_or_empties_it_and_opens_it_for_writing()
    {
        Create("/tmp/a", "hello");
        foreach (string path in (string[])["/tmp/a", "/tmp/new"])
        {
            long file = Call(SystemCallNumber.Creat, Path(path), 0x1b6);
            Assert.Equal(2, Write(file, "hi"));
            Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Read, (ulong)file, Buffer, 1));
            Assert.Equal("hi", Content(path));
        }

        Assert.Equal(-Errno.EROFS, Call(SystemCallNumber.Creat, Path("/app/new"), 0x1b6));
    }

    [Fact]
    public void What_was_never_written_reads_as_zeros_and_takes_no_memory()
    {
        ulong before = FrameAllocator.FileFrames;
        long file = Open("/tmp/a", O_CREAT | O_RDWR);
        Assert.Equal(1, Call(SystemCallNumber.Pwrite64, (ulong)file, Store("x"u8), 1, 5_000_000_000));

        Assert.Equal(5_000_000_001, Length("/tmp/a"));
        Assert.Equal(3, Call(SystemCallNumber.Pread64, (ulong)file, Buffer, 3, 4_999_999_998));
        Assert.Equal([0, 0, (byte)'x'], Load(Buffer, 3));
        Assert.Equal(0, Call(SystemCallNumber.Pread64, (ulong)file, Buffer, 3, 5_000_000_001));

        // The page, and a table of each of three levels.
        Assert.Equal(4ul, FrameAllocator.FileFrames - before);
        Assert.Equal(0, Call(SystemCallNumber.Ftruncate, (ulong)file, 0));
        Assert.Equal(0ul, FrameAllocator.FileFrames - before);
    }

    /// <summary>Around the ends of pages and of tables of 512 pages.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(2 << 20)]
    [InlineData((2 << 20) - 3)]
    [InlineData((1 << 30) - 3)]
    public void A_write_crosses_pages_and_tables(long position)
    {
        long file = Open("/tmp/a", O_CREAT | O_RDWR);

        Assert.Equal(position, Call(SystemCallNumber.Lseek, (ulong)file, (ulong)position, 0));
        Assert.Equal(7, Write(file, "crosses"));
        Assert.Equal(position, Call(SystemCallNumber.Lseek, (ulong)file, unchecked((ulong)-7), 1));
        Assert.Equal("crosses", Read(file));
    }

    /// <summary>A file that was cut shows zeros where it grows again, not what was there before.</summary>
    [Fact]
    public void A_file_that_was_cut_forgets_what_was_behind_its_end()
    {
        Create("/tmp/a", "abcdef");

        Assert.Equal(0, Call(SystemCallNumber.Truncate, Path("/tmp/a"), 2));
        Assert.Equal(0, Call(SystemCallNumber.Truncate, Path("/tmp/a"), 4));

        Assert.Equal("ab\0\0", Content("/tmp/a"));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Truncate, Path("/tmp/a"), ulong.MaxValue));
        Assert.Equal(-Errno.EFBIG, Call(SystemCallNumber.Truncate, Path("/tmp/a"), long.MaxValue));
        Assert.Equal(0, Close(Open("/tmp/a", O_WRONLY | O_TRUNC)));
        Assert.Equal("", Content("/tmp/a"));
    }

    [Fact]
    public void Appended_is_at_the_end_wherever_the_position_is()
    {
        Create("/tmp/a", "one");
        long file = Open("/tmp/a", O_WRONLY | O_APPEND);

        Assert.Equal(4, Write(file, " two"));
        Assert.Equal(0, Call(SystemCallNumber.Lseek, (ulong)file, 0, 0));
        Assert.Equal(6, Write(file, " three"));

        Assert.Equal("one two three", Content("/tmp/a"));
    }

    [Fact]
    public void A_file_is_used_as_it_was_opened()
    {
        Create("/tmp/a", "text");
        long reader = Open("/tmp/a", O_RDONLY);
        long writer = Open("/tmp/a", O_WRONLY);

        Assert.Equal(-Errno.EBADF, Write(reader, "x"));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Ftruncate, (ulong)reader, 0));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Fallocate, (ulong)reader, 0, 0, 1));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Read, (ulong)writer, Buffer, 1));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Pread64, (ulong)writer, Buffer, 1, 0));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Pwrite64, (ulong)reader, Buffer, 1, 0));
        Assert.Equal("text", Content("/tmp/a"));
    }

    /// <summary>The content stays until the last descriptor is closed.</summary>
    [Fact]
    public void An_open_file_outlives_its_name()
    {
        ulong before = FrameAllocator.FileFrames;
        Create("/tmp/a", "still here");
        long file = Open("/tmp/a", O_RDWR);

        Assert.Equal(0, Call(SystemCallNumber.Unlink, Path("/tmp/a")));

        Assert.Equal(-Errno.ENOENT, Open("/tmp/a", O_RDONLY));
        Assert.Equal("still here", Read(file));
        Assert.Equal(0, Call(SystemCallNumber.Fstat, (ulong)file, Buffer));
        Assert.Equal(0ul, ((stat*)Buffer)->st_nlink);
        Assert.Equal(0, Close(file));
        Assert.Equal(before, FrameAllocator.FileFrames);
        Assert.Equal(0ul, TemporaryFiles.Count);
    }

    [Fact]
    public void A_full_tmp_refuses_what_does_not_fit_and_has_room_again_when_something_goes()
    {
        FileRoom.Limit = FileRoom.Used + (6 * Pages.Size);
        long file = Open("/tmp/a", O_CREAT | O_RDWR);

        // A table and four pages; of the sixth a part is the file's record.
        Assert.Equal(4 * 4096, Call(SystemCallNumber.Pwrite64, (ulong)file, Buffer, 4 * 4096, 0));
        Assert.Equal(-Errno.ENOSPC, Call(SystemCallNumber.Pwrite64, (ulong)file, Buffer, 1, 4 * 4096));
        Assert.Equal(-Errno.ENOSPC, Call(SystemCallNumber.Fallocate, (ulong)file, 0, 0, 5 * 4096));
        Assert.Equal(4 * 4096, Length("/tmp/a"));
        Assert.Equal(0, Call(SystemCallNumber.Ftruncate, (ulong)file, 3 * 4096));
        Assert.Equal(4096, Call(SystemCallNumber.Pwrite64, (ulong)file, Buffer, 2 * 4096, 3 * 4096));

        for (int i = 0; i < 100; i++)
        {
            long made = Open($"/tmp/{i}", O_CREAT | O_RDWR);
            if (made == -Errno.ENOSPC)
            {
                Assert.InRange(i, 1, 99);
                Assert.Equal(-Errno.ENOSPC, Call(SystemCallNumber.Mkdir, Path("/tmp/d"), 0));
                return;
            }

            Assert.Equal(0, Close(made));
        }

        Assert.Fail("files without end fit");
    }

    /// <summary>The limit is not memory: what the program has taken is not there for /tmp.</summary>
    [Fact]
    public void Without_memory_a_write_fails_and_the_program_goes_on()
    {
        FileRoom.Limit = ulong.MaxValue / 2;
        long file = Open("/tmp/a", O_CREAT | O_RDWR);
        long result = 0;
        for (ulong i = 0; i < 2000 && result >= 0; i++)
        {
            result = Call(SystemCallNumber.Pwrite64, (ulong)file, Buffer, 4096, i * 4096);
        }

        Assert.Equal(-Errno.ENOSPC, result);
        Assert.Equal(0ul, MemoryCharge.Available);
        Assert.Equal(0, Close(file));
        Assert.Equal(0, Call(SystemCallNumber.Unlink, Path("/tmp/a")));
        Assert.NotEqual(0ul, MemoryCharge.Available);
        _ = AssertFramesAccountedFor(out _);
    }

    [Fact]
    public void Allocated_pages_are_the_files_and_make_it_as_long()
    {
        long file = Open("/tmp/a", O_CREAT | O_RDWR);

        Assert.Equal(0, Call(SystemCallNumber.Fallocate, (ulong)file, 1, 0, 10_000));
        Assert.Equal(0, Length("/tmp/a"));
        Assert.Equal(0, Call(SystemCallNumber.Fallocate, (ulong)file, 0, 0, 10_000));
        Assert.Equal(10_000, Length("/tmp/a"));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Fallocate, (ulong)file, 0, 0, 0));
        Assert.Equal(-Errno.EOPNOTSUPP, Call(SystemCallNumber.Fallocate, (ulong)file, 3, 0, 1));
        Assert.Equal(-Errno.EFBIG, Call(SystemCallNumber.Fallocate, (ulong)file, 0, long.MaxValue, long.MaxValue));
    }

    [Fact]
    public void A_large_transfer_is_made_in_parts_between_which_others_run()
    {
        const ulong size = NodeTransfers.PartSize + 5000;
        FileRoom.Limit = ulong.MaxValue / 2;
        ulong memory = Allocate(Pages.RoundUp(size) / Pages.Size);
        new Span<byte>((void*)memory, (int)size).Fill((byte)'w');
        long file = Open("/tmp/a", O_CREAT | O_RDWR);
        ulong instruction = Current->Frame.Rip;

        Frame* frame = Enter(SystemCallNumber.Write, (ulong)file, memory, size);

        Assert.Equal((instruction - 2, (ulong)SystemCallNumber.Write), (frame->Rip, frame->Rax));
        Assert.Equal((long)NodeTransfers.PartSize, Length(file));
        frame->Rip = instruction;
        Assert.Equal((long)size, Call(SystemCallNumber.Write, (ulong)file, memory, size));
        Assert.Equal((long)size, Call(SystemCallNumber.Lseek, (ulong)file, 0, 1));

        // A part read, and the descriptor is another file's before the next: the call ends with what it has.
        Assert.Equal(0, Call(SystemCallNumber.Lseek, (ulong)file, 0, 0));
        new Span<byte>((void*)memory, (int)size).Clear();
        _ = Enter(SystemCallNumber.Read, (ulong)file, memory, size);
        Assert.Equal(file, FileTable.DuplicateTo(0, (int)file));
        Assert.Equal((long)NodeTransfers.PartSize, Call(SystemCallNumber.Read, (ulong)file, memory, size));
        Assert.Equal((byte)'w', ((byte*)memory)[NodeTransfers.PartSize - 1]);
        Assert.Equal(0, ((byte*)memory)[NodeTransfers.PartSize]);

        static long Length(long file) => (long)FileTable.Get((int)file)->Node->Length;
    }

    [Fact]
    public void Memory_that_is_not_the_programs_is_refused()
    {
        long file = Open("/tmp/a", O_CREAT | O_RDWR);
        Assert.Equal(1, Write(file, "x"));

        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Write, (ulong)file, 0x1000, 1));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Pread64, (ulong)file, 0x1000, 1, 0));
        Assert.Equal(0, Call(SystemCallNumber.Read, (ulong)file, 0x1000, 1));
        Assert.Equal("x", Content("/tmp/a"));
    }

    [Fact]
    public void Times_follow_changes_and_can_be_set()
    {
        Create("/tmp/a");
        Now += 5_000_000_000;
        Create("/tmp/b");
        Assert.Equal((BootUnixTime, BootUnixTime + 5), (Modified("/tmp/a"), Modified("/tmp/b")));

        ulong times = Store(new byte[32]);
        long* words = (long*)times;
        words[1] = 0x3ffffffe; // UTIME_OMIT of linux/stat.h
        words[2] = 12_345;
        Assert.Equal(0, Call(SystemCallNumber.Utimensat, unchecked((ulong)-100), Path("/tmp/a"), times, 0));

        Assert.Equal(12_345ul, Modified("/tmp/a"));
        Assert.Equal(-Errno.EROFS, Call(SystemCallNumber.Utimensat, unchecked((ulong)-100), Path("/etc/passwd"), times, 0));
        words[3] = 1_000_000_000;
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Utimensat, unchecked((ulong)-100), Path("/tmp/a"), times, 0));

        ulong Modified(string path)
        {
            Assert.Equal(0, Call(SystemCallNumber.Stat, Path(path), Buffer));
            return ((stat*)Buffer)->st_mtime;
        }
    }
}
