// What the search box offers; loaded when it is first used. `en.ts` is typed by this file.

export const vi = {
  recent: 'Vừa tìm',
  people: 'Người gửi',
  operators: 'Thu hẹp kết quả',
  fromWhom: (name: string) => `Thư từ ${name}`,
  note: 'Gõ có dấu hay không dấu đều được. Nhiều điều kiện viết liền nhau.',
  /** Each with what it is typed as, what it means, and an example of its value. */
  list: [
    ['từ:', 'người gửi', 'từ:Nguyễn Văn An'],
    ['đến:', 'người nhận', 'đến:vanthu'],
    ['tiêuđề:', 'có trong tiêu đề', 'tiêuđề:giấy mời'],
    ['nộidung:', 'có trong nội dung và tệp', 'nộidung:quý III'],
    ['có:tệp', 'có tệp đính kèm', ''],
    ['chưa:đọc', 'chưa đọc', ''],
    ['có:cờ', 'đã gắn cờ', ''],
    ['chưa:trảlời', 'chưa trả lời', ''],
    ['chưa:xửlý', 'chưa xử lý xong', ''],
    ['sau:', 'từ ngày này trở đi', 'sau:01/11 hoặc sau:7ngày'],
    ['trước:', 'trước ngày này', 'trước:2026-01-01'],
    ['ngày:', 'đúng ngày này', 'ngày:hômqua'],
    ['trong:', 'trong một thư mục', 'trong:lưutrữ'],
    ['nhãn:', 'có nhãn', 'nhãn:cầnlàm'],
    ['lớnhơn:', 'lớn hơn', 'lớnhơn:5MB'],
    ['-', 'không có từ này', '-dựthảo'],
  ] as [string, string, string][],
};

export type SearchTexts = typeof vi;
