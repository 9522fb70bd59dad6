using CsCheck;

namespace Xenlet.Kernel.Tests;

/// <summary>Random sequences of what a program does in /tmp, compared with <see cref="FileTreeModel"/> after each step.</summary>
public sealed unsafe class FileTreeModelTests : FileSystemTest
{
    // Both sides of the ends of pages and of tables, and a position far away.
    private static readonly long[] Positions = [0, 1, 4095, 4096, 8190, (2 << 20) - 2, 2 << 20, (1L << 30) - 1, 1L << 30, 5_000_000_000];
    private static readonly string[] Names = ["a", "b", "c", new('n', 40)];

    private static readonly Gen<string> Paths = Gen.Int[0, Names.Length - 1].List[1, 3]
        .Select(names => "/tmp/" + string.Join('/', names.Select(name => Names[name])));

    private static readonly Gen<Step> Steps = Gen.Select(
        Gen.Enum<Act>(), Paths, Paths, Gen.Int[0, Positions.Length - 1], Gen.Byte[1, 255],
        (act, path, other, position, value) => new Step(act, path, other, Positions[position], value));

    private enum Act
    {
        Create,
        CreateNew,
        MakeDirectory,
        Remove,
        RemoveDirectory,
        Rename,
        Write,
        SetLength,
        Read,
        List,
    }

    [Fact]
    public void Tmp_is_what_a_list_of_names_says() =>
        Steps.List[1, 60].Sample(Run, iter: 400, threads: 1, print: steps => string.Join("\n", steps));

    private void Run(List<Step> steps)
    {
        Assert.Equal(0ul, TemporaryFiles.Count);
        _ = AssertFramesAccountedFor(out ulong before);
        FileTreeModel model = new();
        foreach (Step step in steps)
        {
            Make(model, step);
            Assert.Equal(model.All.Count(), (int)TemporaryFiles.Count);
        }

        foreach ((string path, FileTreeModel.Node node) in model.All.OrderByDescending(entry => entry.Key.Length))
        {
            Assert.Equal(0, Call(node.IsDirectory ? SystemCallNumber.Rmdir : SystemCallNumber.Unlink, Path(path)));
        }

        _ = AssertFramesAccountedFor(out ulong after);
        Assert.Equal((before, 0ul, 0ul), (after, FrameAllocator.FileFrames, FileRoom.Used));
    }

    private void Make(FileTreeModel model, Step step)
    {
        switch (step.Act)
        {
            case Act.Create or Act.CreateNew:
                bool isNew = step.Act == Act.CreateNew;
                long opened = Open(step.Path, O_CREAT | O_WRONLY | (isNew ? O_EXCL : 0));
                Assert.Equal((step, model.Create(step.Path, isNew)), (step, Math.Min(opened, 0)));
                _ = opened >= 0 ? Close(opened) : 0;
                break;
            case Act.MakeDirectory:
                Assert.Equal((step, model.MakeDirectory(step.Path)), (step, Call(SystemCallNumber.Mkdir, Path(step.Path), 0x1ff)));
                break;
            case Act.Remove:
                Assert.Equal((step, model.Remove(step.Path)), (step, Call(SystemCallNumber.Unlink, Path(step.Path))));
                break;
            case Act.RemoveDirectory:
                Assert.Equal((step, model.RemoveDirectory(step.Path)), (step, Call(SystemCallNumber.Rmdir, Path(step.Path))));
                break;
            case Act.Rename:
                long renamed = Call(SystemCallNumber.Rename, Path(step.Path), OtherPath(step.Other));
                Assert.Equal((step, model.Rename(step.Path, step.Other)), (step, renamed));
                break;
            case Act.List:
                if (model.Find(step.Path) is { IsDirectory: true })
                {
                    IEnumerable<string> entries = model.Entries(step.Path).Order(StringComparer.Ordinal);
                    Assert.Equal(
                        entries, Entries(step.Path).Split(' ', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
                }

                break;
            default:
                if (model.Find(step.Path) is { IsDirectory: false } file)
                {
                    Use(file, step);
                }

                break;
        }
    }

    private void Use(FileTreeModel.Node file, Step step)
    {
        ulong descriptor = (ulong)Open(step.Path, O_RDWR);
        switch (step.Act)
        {
            case Act.Write:
                byte[] bytes = [step.Value, 0, step.Value];
                bytes.CopyTo(new Span<byte>((void*)Buffer, 3));
                Assert.Equal(3, Call(SystemCallNumber.Pwrite64, descriptor, Buffer, 3, (ulong)step.Position));
                file.Write(step.Position, bytes);
                break;
            case Act.SetLength:
                Assert.Equal(0, Call(SystemCallNumber.Ftruncate, descriptor, (ulong)step.Position));
                file.SetLength(step.Position);
                break;
            default:
                byte[] expected = file.Read(step.Position, 6000);
                Assert.Equal(expected.Length, Call(SystemCallNumber.Pread64, descriptor, Buffer, 6000, (ulong)step.Position));
                Assert.Equal(expected, Load(Buffer, expected.Length));
                break;
        }

        Assert.Equal(0, Call(SystemCallNumber.Fstat, descriptor, Buffer));
        Assert.Equal((step, file.Length), (step, ((stat*)Buffer)->st_size));
        Assert.Equal(0, Close((long)descriptor));
    }

    /// <summary>What a program does.</summary>
    private sealed record Step(Act Act, string Path, string Other, long Position, byte Value);
}
