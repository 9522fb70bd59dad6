using XenStoreTool;

return await new Tool(Console.In, Console.Out, Console.Error).RunAsync(args);
