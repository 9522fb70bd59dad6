using System.Text;

namespace Xenlet.Kernel.Tests;

/// <summary>What a program asks about itself and the system.</summary>
public sealed unsafe class ProgramQuestionTests : NucleusTest
{
    private readonly ulong _buffer;

    public ProgramQuestionTests()
    {
        _buffer = Allocate(1);
        new Span<byte>((void*)_buffer, 4096).Fill(0x5a);
    }

    /// <summary>struct new_utsname (linux/utsname.h): six fields of 65 bytes.</summary>
    [Fact]
    public void Uname_has_six_fields_of_65_bytes()
    {
        Assert.Equal(0, Call(SystemCallNumber.Uname, _buffer));

        string[] expected = ["Xenlet", "xenlet", "0.1.0", "NativeAOT PVH guest", "x86_64", "(none)"];
        Assert.Equal(expected, Enumerable.Range(0, 6).Select(i => Text(_buffer + ((ulong)i * 65), 65)));
        AssertUntouched(390);
    }

    /// <summary>struct sysinfo (linux/sysinfo.h): uptime 0, loads 8, totalram 32, freeram 40, procs 80, mem_unit 104; 112 bytes.</summary>
    [Fact]
    public void Sysinfo_tells_time_and_memory()
    {
        Now = 5_999_999_999;
        Assert.Equal(0, Call(SystemCallNumber.Sysinfo, _buffer));

        Assert.Equal(5ul, *(ulong*)_buffer);
        Assert.Equal(DefaultFrames * 4096, *(ulong*)(_buffer + 32));
        Assert.Equal(MemoryCharge.Available * 4096, *(ulong*)(_buffer + 40));
        Assert.Equal(1, *(ushort*)(_buffer + 80));
        Assert.Equal(1u, *(uint*)(_buffer + 104));
        Assert.Equal(new byte[24], Load(_buffer + 8, 24));
        AssertUntouched(112);
    }

    /// <summary>struct rusage (linux/resource.h): two timevals, 14 longs; 144 bytes.</summary>
    [Theory]
    [InlineData(0, 2, 500_000)]
    [InlineData(1, 2, 500_000)]
    [InlineData(-1, 0, 0)]
    public void Rusage_tells_processor_time(int who, ulong seconds, ulong microseconds)
    {
        Now = 2_500_000_999;
        Assert.Equal(0, Call(SystemCallNumber.Getrusage, (ulong)who, _buffer));

        Assert.Equal((seconds, microseconds), (((ulong*)_buffer)[0], ((ulong*)_buffer)[1]));
        Assert.Equal(new byte[128], Load(_buffer + 16, 128));
        AssertUntouched(144);
    }

    /// <summary>Numbers of asm-generic/resource.h: RLIMIT_STACK 3, RLIMIT_NOFILE 7, RLIMIT_AS 9.</summary>
    [Theory]
    [InlineData(3ul, 1ul << 20)]
    [InlineData(7ul, 32_768ul)]
    [InlineData(9ul, ulong.MaxValue)]
    public void Limits_are_told_and_cannot_be_set(ulong resource, ulong limit)
    {
        Assert.Equal(0, Call(SystemCallNumber.Prlimit64, 0, resource, 0, _buffer));
        Assert.Equal((limit, limit), (((ulong*)_buffer)[0], ((ulong*)_buffer)[1]));
        AssertUntouched(16);
        Assert.Equal(-Errno.EPERM, Call(SystemCallNumber.Prlimit64, 0, resource, _buffer, 0));
        Assert.Equal(0, Call(SystemCallNumber.Getrlimit, resource, _buffer));
    }

    [Theory]
    [InlineData(SystemCallNumber.Uname, 0)]
    [InlineData(SystemCallNumber.Sysinfo, 0)]
    [InlineData(SystemCallNumber.Getrusage, 1)]
    [InlineData(SystemCallNumber.Getrlimit, 1)]
    [InlineData(SystemCallNumber.SchedGetaffinity, 2)]
    [InlineData(SystemCallNumber.Getcpu, 0)]
    [InlineData(SystemCallNumber.Getcpu, 1)]
    [InlineData(SystemCallNumber.ClockGettime, 1)]
    [InlineData(SystemCallNumber.Getrandom, 0)]
    public void An_answer_that_cannot_be_written_is_a_fault(int call, int argument)
    {
        ulong[] arguments = [0, 8, 0, 0, 0, 0];
        arguments[argument] = 0x1000;
        Assert.Equal(-Errno.EFAULT, Call(call, arguments));
    }

    [Theory]
    [InlineData("main", "main")]
    [InlineData("", "")]
    [InlineData("fifteen letters", "fifteen letters")]
    [InlineData("sixteen letters!", "sixteen letters")]
    [InlineData("a name that is much too long", "a name that is ")]
    public void A_thread_keeps_the_first_fifteen_bytes_of_its_name(string given, string kept)
    {
        ulong name = Store(Encoding.ASCII.GetBytes(given + "\0"));
        Assert.Equal(0, Call(SystemCallNumber.Prctl, 15, name));
        Assert.Equal(0, Call(SystemCallNumber.Prctl, 16, _buffer));

        Assert.Equal(kept, Text(_buffer, 16));
        AssertUntouched(16);
    }

    [Fact]
    public void A_name_at_the_end_of_memory_is_read_no_further_than_its_end()
    {
        ulong name = _buffer + 4096 - 3;
        *(byte*)name = (byte)'a';
        *(byte*)(name + 1) = (byte)'b';
        *(byte*)(name + 2) = 0;
        Assert.Equal(0, Call(SystemCallNumber.Prctl, 15, name));

        *(byte*)(name + 2) = (byte)'c';
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Prctl, 15, name));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Prctl, 15, 0));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Prctl, 4, name));
        Assert.Equal(0, Call(SystemCallNumber.Prctl, 16, _buffer));
        Assert.Equal("ab", Text(_buffer, 16));
    }

    [Fact]
    public void There_is_one_processor()
    {
        Assert.Equal(8, Call(SystemCallNumber.SchedGetaffinity, 0, 128, _buffer));
        Assert.Equal(1ul, *(ulong*)_buffer);
        AssertUntouched(8);
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.SchedGetaffinity, 0, 4, _buffer));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.SchedGetaffinity, 0, 12, _buffer));
        Assert.Equal(0, Call(SystemCallNumber.Getcpu, _buffer, _buffer + 4));
        Assert.Equal(0ul, *(ulong*)_buffer);
        Assert.Equal(0, Call(SystemCallNumber.Getcpu, 0, 0));
    }

    [Theory]
    [InlineData(0x1002ul, AddressSpace.MapEnd - 1, 0)]
    [InlineData(0x1002ul, AddressSpace.MapEnd, -Errno.EPERM)]
    [InlineData(0x1002ul, ulong.MaxValue, -Errno.EPERM)]
    [InlineData(0x1003ul, 0x1000ul, -Errno.EFAULT)]
    [InlineData(0x1001ul, 0ul, -Errno.EINVAL)]
    public void The_thread_pointer_is_an_address_of_the_program(ulong code, ulong address, long result) =>
        Assert.Equal(result, Call(SystemCallNumber.ArchPrctl, code, address));

    [Theory]
    [InlineData(0, 0x18)]
    [InlineData(8, 0)]
    [InlineData(16, 0)]
    [InlineData(1, -Errno.EINVAL)]
    [InlineData(32, -Errno.EINVAL)]
    public void Only_the_barriers_of_the_process_are_had(int command, long result) =>
        Assert.Equal(result, Call(SystemCallNumber.Membarrier, (ulong)command));

    /// <summary>struct clone_args (linux/sched.h) up to tls: 64 bytes. CLONE_VM 0x100, CLONE_THREAD 0x10000.</summary>
    [Theory]
    [InlineData(0x10100ul, 0x1000ul, 63ul, -Errno.EINVAL)]
    [InlineData(0x10000ul, 0x1000ul, 64ul, -Errno.ENOSYS)]
    [InlineData(0x100ul, 0x1000ul, 64ul, -Errno.ENOSYS)]
    [InlineData(0x10100ul, 0ul, 64ul, -Errno.ENOSYS)]
    [InlineData(0x90100ul, 0x1000ul, 64ul, -Errno.EPERM)]
    [InlineData(0x110100ul, 0x1000ul, 64ul, -Errno.EFAULT)]
    [InlineData(0x1010100ul, 0x1000ul, 64ul, -Errno.EFAULT)]
    public void A_thread_that_cannot_be_made_is_refused(ulong flags, ulong stack, ulong size, long error)
    {
        new Span<byte>((void*)_buffer, 88).Clear();
        ((ulong*)_buffer)[0] = flags;
        ((ulong*)_buffer)[5] = stack;
        ((ulong*)_buffer)[7] = 0x8000_0000_0000;
        Assert.Equal(error, Call(SystemCallNumber.Clone3, _buffer, size));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Clone3, 0x1000, 64));
        Assert.Equal(1, ThreadTable.Count);
    }

    [Fact]
    public void A_new_thread_has_its_own_stack_pointer_and_its_parents_registers()
    {
        ulong arguments = Store([]);
        ulong[] words = [0x13d_0f00, 0, _buffer + 8, _buffer, 0, 0x7000_0000, 0x10_0000, 0x1234_0000];
        words.CopyTo(new Span<ulong>((void*)arguments, 8));
        Current->Frame.Rbx = 77;
        Current->SignalMask = 0x10;

        Assert.Equal(2, Call(SystemCallNumber.Clone3, arguments, 88));

        Nucleus.Threads.Thread* child = ThreadTable.Find(2);
        Assert.Equal((2, 2), (*(int*)_buffer, *(int*)(_buffer + 8)));
        Assert.Equal((0ul, 77ul, 0x7010_0000ul), (child->Frame.Rax, child->Frame.Rbx, child->Frame.Rsp));
        Assert.Equal((0x1234_0000ul, 0x10ul, _buffer + 8), (child->Frame.FsBase, child->SignalMask, child->ClearChildTid));
        Assert.Equal((0x7000_0000ul, 0x7010_0000ul), (child->StackLow, child->StackHigh));
        Assert.True(Enter(SystemCallNumber.SchedYield) == &child->Frame);
        Assert.Equal(2, Call(SystemCallNumber.Gettid));
        Assert.Equal(1, Call(SystemCallNumber.Getpid));
    }

    [Fact]
    public void Without_memory_no_thread_is_made()
    {
        ulong arguments = Store([]);
        ((ulong*)arguments)[0] = 0x10100;
        ((ulong*)arguments)[5] = 0x7000_0000;
        while (FrameAllocator.Allocate() != 0)
        {
        }

        long result;
        int made = 0;
        while ((result = Call(SystemCallNumber.Clone3, arguments, 64)) > 0)
        {
            made++;
        }

        Assert.Equal(-Errno.ENOMEM, result);
        Assert.Equal(made + 1, ThreadTable.Count);
    }

    [Fact]
    public void A_call_that_is_not_there_is_logged_once()
    {
        Assert.Equal(-Errno.ENOSYS, Call(500));
        Assert.Equal(-Errno.ENOSYS, Call(500));
        Assert.Equal(-Errno.ENOSYS, Call(499));
        Assert.Equal("xenlet: system call 500 is not implemented\nxenlet: system call 499 is not implemented\n", KernelLog.Text);
    }

    private void AssertUntouched(int from) =>
        Assert.All(Load(_buffer + (ulong)from, 512), value => Assert.Equal(0x5a, value));

    private static string Text(ulong address, int size)
    {
        byte[] bytes = Load(address, size);
        int end = Array.IndexOf(bytes, (byte)0);
        Assert.True(end >= 0, "there is no zero");
        Assert.Equal(new byte[size - end], bytes[end..]);
        return Encoding.ASCII.GetString(bytes, 0, end);
    }
}
