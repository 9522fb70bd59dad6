using Xenlet.QemuXen.Commands;

return await CommandLineProgram.RunAsync(args);
